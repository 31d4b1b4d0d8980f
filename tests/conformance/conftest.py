"""What public clients make of Slipway's API. `--kubeconfig FILE` runs the same tests against another Kubernetes API, so that
each expectation can be proved on a real API server first; what only ours has is skipped there."""
import json
import os
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from server import DEFINITIONS, Control, Server  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--kubeconfig", help="test the API there (an API server: api/crd is applied) instead of slipway control")
    parser.addoption("--registry", help='test the registry there instead: "HOST:PORT CA-FILE PASSWORD"')


def pytest_configure(config):
    # Nothing of whoever runs the tests: no preferences, no other editor, no proxy to this machine.
    os.environ.update(KUBERC="off", NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost")
    os.environ.pop("KUBE_EDITOR", None)
    config.addinivalue_line("markers", "ours: what Slipway's API has and an API server has not, or has otherwise")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--kubeconfig") or config.getoption("--registry"):
        for item in items:
            if item.get_closest_marker("ours"):
                item.add_marker(pytest.mark.skip(reason="only of slipway control"))


@pytest.fixture(scope="session")
def server(request, tmp_path_factory):
    """The API, shared by all tests."""
    named = request.config.getoption("--kubeconfig")
    if named:
        api = Server(named)
        api.kubectl("apply", "-f", DEFINITIONS)
        api.kubectl("wait", "--for=condition=Established", "-f", DEFINITIONS)
        yield api
        return
    control = Control(tmp_path_factory.mktemp("control") / "data")
    yield control
    assert control.stop() == 0


@pytest.fixture
def api(server):
    """The API without any object of ours."""
    server.clear()
    return server


@pytest.fixture
def kubectl(api):
    """kubectl WORDS… -> what it prints."""
    return lambda *words, **more: api.kubectl(*words, **more).stdout


@pytest.fixture
def kubectl_fails(api):
    """kubectl WORDS…, which must fail -> what it says."""
    return lambda *words, **more: api.kubectl(*words, ok=False, **more).stderr


@pytest.fixture
def put_there(api):
    """Creates objects, as they stand or as functions of server.py make them."""
    def create(*objects):
        return [json.loads(api.kubectl("create", "-o", "json", "-f", "-", stdin=yaml.safe_dump(each)).stdout) for each in objects]
    return create


@pytest.fixture
def write_status(api):
    """Writes a status, as a controller does."""
    def write(name, **status):
        path = f"/apis/slipway.dev/v1alpha1/namespaces/default/modeldeployments/{name}"
        current = api.ask("GET", path)[2]
        code, _, answer = api.ask("PUT", path + "/status", {**current, "status": {**current.get("status", {}), **status}})
        assert code == 200, answer
        return answer
    return write


def condition(kind, status, generation=1):
    return {"type": kind, "status": status, "observedGeneration": generation, "lastTransitionTime": "2026-01-02T03:04:05Z",
            "reason": "Observed", "message": f"{kind} is {status}"}
