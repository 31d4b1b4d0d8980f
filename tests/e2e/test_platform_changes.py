"""Versions changed under load: no request fails, and each answer comes from a revision that was allowed at that instant."""
import json

import pytest
from conftest import wait_until
from load import check_all_right
from machine import Machine

DEPLOYED = "tumour"


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
    yield shared
    shared.done("delete", f"md/{DEPLOYED}", "--ignore-not-found")
    wait_until(lambda: shared.rows(DEPLOYED) == {} and shared.replicas() == {})


def deployed(platform, version=1, **spec):
    """The deployment, serving through the gateway."""
    platform.done("apply", "-f", "-", stdin=json.dumps(
        {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": DEPLOYED},
         "spec": {"model": "tumour", "version": version, "replicas": 2, **spec}}))
    platform.wait_at(DEPLOYED, version)


def revision(version):
    return f"{DEPLOYED}-{version}-"


def weights(platform):
    return {name: each["weight"] for name, each in platform.revisions(DEPLOYED).items()}


def change(platform, load, old, new, **spec):
    """To another version, at once; both may answer while it goes on, and the new one alone once the gateway says so."""
    load.allow(revision(old), revision(new))
    platform.patch(DEPLOYED, {"version": new, **spec})
    platform.wait_at(DEPLOYED, new)
    load.allow(revision(new))


def test_an_immediate_change_fails_no_request(platform):
    deployed(platform, rollout={"keep": "0s"})
    with platform.load(DEPLOYED, [revision(1)]) as load:
        load.wait_for(100)
        for old, new in ((1, 2), (2, 3), (3, 1)):
            change(platform, load, old, new)
            load.wait_for(100)
            wait_until(lambda: len(platform.revisions(DEPLOYED)) == 1)  # `keep` is over, the old one has gone
    result = load.stop()
    check_all_right(result)
    assert len({seen["body"] for seen in result["revisions"].values()}) == 3
