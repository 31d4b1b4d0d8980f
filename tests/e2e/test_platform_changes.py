"""Versions changed under load: no request fails, and each answer comes from a revision that was allowed at that instant."""
import itertools
import json
import subprocess
import time

import pytest
from conftest import ROOT, wait_until
from load import check_all_right
from machine import Machine

NUMBERS = itertools.count()
KUBECTL = ROOT / ".deps" / "kubectl" / "bin" / "kubectl"


@pytest.fixture(scope="module")
def shared():
    """One platform, and three versions of one model with the same signature and other answers."""
    platform = Machine()
    try:
        platform.push_salted(3)
        yield platform
        platform.down()
    finally:
        platform.remove()


@pytest.fixture
def platform(shared):
    shared.name = f"tumour-{next(NUMBERS)}"  # what is left of the one before goes meanwhile
    yield shared
    shared.done("delete", f"md/{shared.name}", "--ignore-not-found")


def test_an_immediate_change_fails_no_request(platform):
    platform.deploy(rollout={"keep": "0s"})
    with platform.load([platform.revision(1)]) as load:
        load.wait_for(100)
        for old, new in ((1, 2), (2, 3), (3, 1)):
            platform.change(load, old, new)
            load.wait_for(100)
            wait_until(lambda: len(platform.revisions()) == 1)  # `keep` is over, the old one has gone
    result = load.stop()
    check_all_right(result)
    assert len({seen["body"] for seen in result["revisions"].values()}) == 3


def test_steps_reach_callers_one_after_another(platform):
    platform.deploy()
    with platform.load([platform.revision(1)]) as load:
        load.wait_for(50)
        load.allow(platform.revision(1), platform.revision(2))
        platform.patch({"version": 2, "rollout": {"strategy": "canary", "keep": "1m", "steps": [{"weight": 10, "hold": "800ms"}, {"weight": 50, "hold": "800ms"}]}})
        seen = set()

        def weight():
            seen.add(next((weight for name, weight in platform.weights().items() if name.startswith(platform.revision(2))), 0))
            return platform.is_at(2)
        wait_until(weight)
        load.allow(platform.revision(2))
        load.wait_for(50)
    assert seen >= {0, 10, 50, 100} and seen <= {0, 10, 50, 100}
    counts = {name[:len(platform.revision(1))]: each["answers"] for name, each in load.result["revisions"].items()}
    check_all_right(load.result)
    # 400 requests at 10 %, as many at 50 %, and the rest behind them.
    assert counts[platform.revision(2)] > 100


def test_a_paused_version_gets_no_request_but_by_its_name(platform):
    platform.deploy()
    with platform.load([platform.revision(1)]) as load:
        platform.patch({"version": 2, "rollout": {"paused": True}})
        wait_until(lambda: [each["ready"] for name, each in platform.revisions().items() if name.startswith(platform.revision(2))] == [2])
        new = next(name for name in platform.revisions() if name.startswith(platform.revision(2)))
        wait_until(lambda: platform.rows()[new]["endpoints"] == 2)
        load.wait_for(200)  # and not one of them by the new version
        status, headers, _ = platform.predict({"slipway-revision": new})
        assert (status, headers["slipway-revision"].split(";")[0]) == (200, new)
        assert platform.condition("Progressing")["reason"] == "Paused"
        load.allow(platform.revision(1), platform.revision(2))
        platform.done("rollout", "resume", platform.name, "--no-wait")
        platform.wait_at(2)
        load.allow(platform.revision(2))
        load.wait_for(50)
    check_all_right(load.result)


def test_going_back_within_keep_starts_nothing(platform):
    platform.deploy(rollout={"keep": "1m"})
    with platform.load([platform.revision(1)]) as load:
        platform.change(load, 1, 2)
        before = platform.replicas(platform.name)
        assert len(before) == 4
        load.allow(platform.revision(1), platform.revision(2))
        asked = time.monotonic()
        platform.done("rollout", "rollback", platform.name, "--no-wait")
        platform.wait_at(1)
        assert time.monotonic() - asked < 2
        load.allow(platform.revision(1))
        load.wait_for(50)
        assert platform.replicas(platform.name) == before and platform.object()["spec"]["version"] == 1
    check_all_right(load.result)


def test_a_newer_spec_takes_the_place_of_the_candidate(platform):
    platform.deploy(rollout={"strategy": "canary", "steps": [{"weight": 50, "hold": "1m"}]})
    serving = platform.replicas(platform.revision(1))
    with platform.load([platform.revision(1)]) as load:
        load.allow(platform.revision(1), platform.revision(2))
        platform.patch({"version": 2})
        wait_until(lambda: sorted(platform.weights().values()) == [50, 50])
        load.wait_for(50)
        load.allow(platform.revision(1), platform.revision(2), platform.revision(3))
        platform.patch({"version": 3, "rollout": {"strategy": "immediate", "steps": None}})
        wait_until(lambda: not any(row["weight"] for name, row in platform.rows().items() if name.startswith(platform.revision(2))))
        load.allow(platform.revision(1), platform.revision(3))
        assert platform.replicas(platform.revision(1)) == serving
        platform.wait_at(3)
        load.allow(platform.revision(3))
        load.wait_for(50)
        wait_until(lambda: platform.replicas(platform.revision(2)) == {})
    check_all_right(load.result)


def test_more_and_fewer_replicas_in_the_middle_of_a_change(platform):
    platform.deploy(rollout={"strategy": "canary", "keep": "0s", "steps": [{"weight": 50, "hold": "3s"}]})
    with platform.load([platform.revision(1)]) as load:
        load.allow(platform.revision(1), platform.revision(2))
        platform.patch({"version": 2})
        wait_until(lambda: sorted(platform.weights().values()) == [50, 50])
        for count in (3, 1):
            platform.done("scale", platform.name, "--replicas", count, "--no-wait")
            wait_until(lambda: len(platform.replicas(platform.revision(1))) == len(platform.replicas(platform.revision(2))) == count)
            load.wait_for(50)
        platform.wait_at(2)
        load.allow(platform.revision(2))
        load.wait_for(50)
    check_all_right(load.result)


def test_a_deployment_deleted_in_the_middle_of_a_change(platform):
    platform.deploy(rollout={"strategy": "canary", "steps": [{"weight": 50, "hold": "1m"}]})
    with platform.load([platform.revision(1), platform.revision(2)]) as load:
        platform.patch({"version": 2})
        wait_until(lambda: sorted(platform.weights().values()) == [50, 50])
        deleted = time.monotonic()
        platform.done("delete", f"md/{platform.name}")
        wait_until(lambda: platform.rows() == {} and platform.replicas(platform.name) == {})
    assert set(load.result["kinds"]) == {"status 404"}, load.result
    assert min(each["at"] for each in load.result["failures"]) >= deleted
    assert f"there is no deployment {platform.name}" in load.result["failures"][0]["detail"]


def test_kubectl_does_all_of_it(platform, tmp_path):
    def kubectl(*words, stdin=None):
        ended = subprocess.run([KUBECTL, "--kubeconfig", platform.data / "kubeconfig", "--cache-dir", tmp_path, *words], input=stdin, capture_output=True, text=True,
                               timeout=60)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout
    manifest = {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": platform.name}, "spec": {"model": "tumour", "version": 1}}
    assert kubectl("apply", "-f", "-", stdin=json.dumps(manifest)) == f"modeldeployment.slipway.dev/{platform.name} created\n"
    kubectl("wait", "--for=condition=Ready", f"md/{platform.name}", "--timeout=20s")
    platform.wait_at(1)
    told = tmp_path / "told"
    watching = subprocess.Popen([KUBECTL, "--kubeconfig", platform.data / "kubeconfig", "--cache-dir", tmp_path, "get", "md", platform.name, "-w"], stdout=told.open("w"))
    try:
        wait_until(lambda: len(told.read_text().splitlines()) == 2)  # it watches from here on
        with platform.load([platform.revision(1)]) as load:
            kubectl("scale", f"md/{platform.name}", "--replicas=2")
            wait_until(lambda: len(platform.replicas(platform.name)) == 2)
            load.allow(platform.revision(1), platform.revision(2))
            manifest["spec"] |= {"version": 2, "replicas": 2}
            kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
            platform.wait_at(2)
            kubectl("wait", "--for=condition=Ready", f"md/{platform.name}", "--timeout=20s")
        check_all_right(load.result)
        kubectl("delete", "md", platform.name)
        wait_until(lambda: platform.rows() == {})
    finally:
        watching.terminate()
        watching.wait(timeout=10)
    lines = [line.split() for line in told.read_text().splitlines()]
    assert lines[0][:5] == ["NAME", "MODEL", "VERSION", "READY", "SERVING"]
    assert [platform.name, "tumour", "1", "True", "True"] in [line[:5] for line in lines] and [platform.name, "tumour", "2", "True", "True"] in [line[:5] for line in lines]
    assert "False" not in [line[4] for line in lines[1:]], "Serving turned false during a healthy change"
