"""No request fails, whatever people and machines do to a deployment meanwhile. `make bench-kube` has the long form."""
from installed import is_ready
from load import check_all_right
from storm import Storm


def test_changes_scalings_kills_crashes_and_drains_lose_no_request(platform):
    platform.deploy(1, rollout={"keep": "0s"})
    with platform.load(1) as load:
        storm = Storm(platform, load)
        load.wait_for(200)
        for happens in (storm.change, storm.scale, storm.kill, storm.change, storm.drain, storm.crash, storm.scale, storm.change):
            happens()
            load.wait_for(100)
    check_all_right(load.result)
    assert storm.done == {"changes": 3, "scalings": 2, "kills": 1, "crashes": 1, "drains": 1}


def test_a_canary_goes_by_its_steps(platform):
    platform.deploy(1)
    seen = set()

    def over():
        seen.update(each["weight"] for name, each in platform.space.revisions(platform.name).items() if name.startswith(platform.revision(2)))
        return platform.is_at(2)
    with platform.load(1, 2) as load:
        platform.patch(version=2, rollout={"strategy": "canary", "keep": "1m", "steps": [{"weight": 10, "hold": "2s"}, {"weight": 50, "hold": "2s"}]})
        platform.space.wait(over, "all requests go to version 2", 90)
    check_all_right(load.result)
    assert seen >= {10, 50} and seen <= {0, 10, 50, 100}


def test_going_back_within_keep_starts_no_pod(platform):
    platform.deploy(1, rollout={"keep": "5m"})
    with platform.load(1) as load:
        platform.change(load, 1, 2)
        before = {each["metadata"]["uid"] for each in platform.servers()}
        load.allow(platform.revision(1), platform.revision(2))
        platform.space.done("rollout", "rollback", platform.name, "--no-wait")
        platform.wait_at(1, 20)
        assert {each["metadata"]["uid"] for each in platform.servers()} == before
    check_all_right(load.result)


def test_a_rolling_restart_of_the_gateways_loses_no_request(platform):
    platform.deploy(1)
    before = set(platform.gateways())
    with platform.load(1) as load:
        load.wait_for(100)
        platform.space.kubectl("rollout", "restart", "deploy/slipway-gateway")
        platform.space.kubectl("rollout", "status", "deploy/slipway-gateway", "--timeout=180s", timeout=200)
        platform.space.wait(lambda: not before & {each["metadata"]["name"] for each in platform.space.list("pods", "v1")}, "the old gateways have gone", 120)
        load.wait_for(100)
    check_all_right(load.result)


def test_a_restart_of_control_is_not_noticed(platform):
    platform.deploy(1, rollout={"keep": "0s"})
    with platform.load(1) as load:
        for pod in platform.space.pods("app.kubernetes.io/component=control"):
            platform.space.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
        platform.change(load, 1, 2, seconds=90)
        load.wait_for(50)
    check_all_right(load.result)
    assert all(is_ready(each) for each in platform.space.pods("app.kubernetes.io/component=control"))
