"""docs/kubernetes.md on a cluster: what the page shows is what happens, command by command, as a newcomer types it."""
import json
import shutil
import sys

import bundle
import pytest
from cluster import DEFINITIONS, ROOT, wait_until

sys.path.append(str(ROOT / "tools"))
import docs_test  # noqa: E402

PAGE = ROOT / "docs" / "kubernetes.md"
SPACE = "slipway"  # where the page installs

# What a reader has and a cluster of our own lacks: a way onto each node, and storage.
SSH = """#!/bin/sh
node=${{1#node-}}
shift
CONTAINERD_ADDRESS={folder}/nodes/$node/containerd.sock exec {script} node-exec --dir {folder} $node "$@"
"""


def volume(folder):
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "docs"},
            "spec": {"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": str(folder), "type": "Directory"},
                     "claimRef": {"namespace": SPACE, "name": "slipway-registry"}}}


def nothing_is_left(cluster):
    return not cluster.kubectl("get", "modeldeployments,modelversions", "-A", "-o", "name").stdout


@pytest.fixture
def desk(cluster, tmp_path):
    """-> the environment of the page's shell. The page ends with the definitions taken away, which needs that nothing is left of other
    tests, and later ones want them back."""
    wait_until(lambda: nothing_is_left(cluster), "models of other tests go", seconds=60)
    kubeconfig = shutil.copy(cluster.kubeconfig, tmp_path / "kubeconfig")  # the page chooses another namespace
    models = cluster.bundle.folder / "models"
    models.mkdir()
    models.chmod(0o777)
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(volume(models)))
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH.format(folder=cluster.bundle.folder, script=bundle.FOLDER / "cluster"))
    ssh.chmod(0o755)
    usual = docs_test.environment_of(str(tmp_path), "0")["PATH"]
    try:
        yield {"KUBECONFIG": str(kubeconfig), "PATH": f"{tmp_path}:{usual}"}
    finally:
        cluster.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--timeout=60s", ok=None)
        cluster.kubectl("delete", "persistentvolume", "docs", "--ignore-not-found", "--timeout=20s", ok=None)
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", DEFINITIONS)
        cluster.kubectl("wait", "--for=condition=Established", "-f", DEFINITIONS)


@pytest.mark.bundle
@pytest.mark.usefixtures("image")
def test_the_page_shows_what_happens(desk, capsys):
    passed, failed = docs_test.check(PAGE, **desk)
    assert failed == 0, capsys.readouterr().out
    assert passed > 0
