"""The pages of the reasons that only a cluster has: what they show is what happens, command by command."""
import json
import sys

import pytest
import yaml
from cluster import BINARY, ROOT
from control import Control
from server import deployment, version

sys.path.append(str(ROOT / "tools"))
import docs_test  # noqa: E402

PAGES = sorted(docs_test.REASONS_OF_A_CLUSTER)


@pytest.fixture
def desk(plane, tmp_path):
    """A reader with the context `team`, in whose namespace `credit` is deployed -> the environment of the page's shell"""
    said = yaml.safe_load(plane.cluster.kubeconfig.read_text())
    said["contexts"] = [{"name": "team", "context": {**said["contexts"][0]["context"], "namespace": plane.name}}]
    said["current-context"] = "team"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(json.dumps(said))
    plane.kubectl("create", "serviceaccount", "slipway-model")  # of the pods, as `slipway install` makes it
    plane.apply(version(), wanted := deployment(version=1))
    control = Control(plane)
    try:
        plane.wait(lambda: plane.revisions("credit"), "credit has its revision", 60)
        (tmp_path / "credit.yaml").write_text(json.dumps(wanted))
        usual = docs_test.environment_of(str(tmp_path), "0")["PATH"]
        yield {"KUBECONFIG": str(kubeconfig), "PATH": f"{BINARY.parent}:{usual}", "HOME": str(tmp_path)}
    finally:
        control.stop()


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_page_shows_what_happens(page, desk, capsys):
    passed, failed = docs_test.check(page, **desk)
    assert failed == 0, capsys.readouterr().out
    assert passed > 0
