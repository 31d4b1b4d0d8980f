"""Slipway on a real cluster: the one that KUBECONFIG names, else one out of the bundle beside the repository, else nothing is tested
and the last line says why. README.md says what a test may ask for."""
import json
import os
import signal
import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import bundle as bundles  # noqa: E402
from cluster import ROOT, Cluster  # noqa: E402

sys.path.append(str(ROOT / "tests" / "e2e"))

ARCHIVE = Path(os.environ.get("SLIPWAY_IMAGE_ARCHIVE", ROOT / "build" / "image" / "slipway.tar"))
untested = {}  # reason -> how many tests had no cluster, or no image, to run on


def pytest_addoption(parser):
    parser.addoption("--keep-cluster", action="store_true", help="leave what the bundle started running, and use it next time")


def pytest_configure(config):
    # Nothing of whoever runs the tests: no preferences, no proxy to this machine's own networks.
    os.environ.update(KUBERC="off", NO_PROXY="127.0.0.1,localhost,10.0.0.0/8", no_proxy="127.0.0.1,localhost,10.0.0.0/8")
    os.environ.pop("KUBE_EDITOR", None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended then, too
    config.addinivalue_line("markers", "nodes: needs nodes that run pods")
    config.addinivalue_line("markers", "long: not a part of `make test`")
    config.addinivalue_line("markers", "bundle: kills or counts what only a cluster of our own lets us")


def pytest_collection_modifyitems(items):
    for item in items:
        if "cluster" in item.fixturenames:
            item.add_marker(pytest.mark.nodes)
        if item.get_closest_marker("bundle") and os.environ.get("KUBECONFIG"):
            item.add_marker(pytest.mark.skip(reason="the cluster that KUBECONFIG names is not ours to break"))


def leave_out(reason):
    untested.setdefault(reason, 0)
    pytest.skip(reason)


def pytest_runtest_logreport(report):
    if report.skipped and (reason := str(report.longrepr[2]).removeprefix("Skipped: ")) in untested:
        untested[reason] += 1


def start(request, name, *shape):
    """The cluster that is given, or one of the bundle."""
    if given := os.environ.get("KUBECONFIG"):
        yield Cluster(given)
        return
    if reason := bundles.why_not():
        leave_out(reason)
    ours = bundles.Bundle(name, *shape, keep=request.config.getoption("--keep-cluster")).up()
    try:
        yield Cluster(ours.kubeconfig, ours)
    finally:
        ours.down()


@pytest.fixture(scope="session")
def control_plane(request):
    """An API server with its controllers and scheduler, and no node: pods stay pending."""
    yield from start(request, "plane", "--control-plane-only")


@pytest.fixture(scope="session")
def cluster(request):
    """A cluster with two nodes that run pods."""
    yield from start(request, "nodes", "--workers", "2")


@pytest.fixture(scope="session")
def image(request, cluster):
    """Slipway's image is in every node -> how pods name it, by digest."""
    if given := os.environ.get("SLIPWAY_IMAGE"):
        return given
    if not cluster.bundle:
        leave_out("SLIPWAY_IMAGE does not name an image that the cluster of KUBECONFIG can pull")
    if not ARCHIVE.is_file():
        leave_out(f"there is no {ARCHIVE}: `make image` makes it")
    cluster.bundle.load_image(ARCHIVE)
    with tarfile.open(ARCHIVE) as archive:
        digest = json.load(archive.extractfile("index.json"))["manifests"][0]["digest"]
    return f"docker.io/library/slipway@{digest}"


@pytest.fixture(scope="session")
def installed(cluster, image, tmp_path_factory):
    """Slipway in a namespace, with its own registry and versions 1 to 3 of the model `tumour`."""
    from installed import Installed
    space = cluster.space("slipway")
    try:
        made = Installed(space, image, tmp_path_factory.mktemp("installed"))
        made.push_salted(1, 3)
        yield made
    finally:
        space.remove()


@pytest.fixture
def platform(installed):
    """The same, and a name that no deployment had before."""
    yield installed.fresh()
    installed.space.kubectl("delete", "md", installed.name, "--ignore-not-found", "--wait=false")


def namespace(of):
    made = of.space()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def plane(control_plane):
    """A namespace of the control plane."""
    yield from namespace(control_plane)


@pytest.fixture
def space(cluster):
    """A namespace of the cluster with nodes."""
    yield from namespace(cluster)


def pytest_unconfigure():
    """The last line: nothing that looks like a success."""
    for reason, count in untested.items():
        print(f"kube: NOT TESTED: {count} tests had nothing to run on: {reason}")
