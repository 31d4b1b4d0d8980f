"""Processes killed and stopped under load: control costs no request, a replica none, a gateway at most what it held; and each
time all of it comes back by itself, without a double and without an orphan."""
import itertools
import os
import random
import re
import signal
import time
from pathlib import Path

import pytest
from conftest import ROOT, wait_until
from control import Control
from load import check_all_right
from machine import PARTS, Machine

DEV_BINARY = Path(os.environ.get("SLIPWAY_DEV_BINARY", ROOT / "build" / "dev" / "slipway"))
# Where a crash could leave a change half done, as the development build knows them.
PLACES = sorted({name for path in (ROOT / "src").rglob("*.cc") for name in re.findall(r'FAILPOINT\("((?:control|processes)\.[\w.]+)"\)', path.read_text())})
LONG = os.environ.get("SLIPWAY_SOAK") == "1"
KILLS = 50 if LONG else 5
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def shared():
    platform = Machine()
    try:
        platform.push_salted(3)
        yield platform
        platform.down()
    finally:
        platform.remove()


@pytest.fixture
def platform(shared):
    shared.name = f"tumour-{next(NUMBERS)}"
    yield shared
    shared.done("delete", f"md/{shared.name}", "--ignore-not-found")


def started_again(platform, part, before):
    wait_until(lambda: platform.pid(part) not in (0, before))
    return platform.pid(part)


def what_is_not_whole(platform, version):
    """Empty: two replicas of the wanted version answer, nothing else of the deployment runs, and each process holds a lock."""
    if not platform.is_at(version) or platform.condition("Ready").get("status") != "True":
        return f"{platform.status()}"
    found = sorted(platform.replicas(platform.name))
    if len(found) != 2 or not all(name.startswith(platform.revision(version)) for name in found):
        return f"these run: {found}"
    running = platform.processes()
    locked = {*map(platform.pid, PARTS), *platform.replicas().values()}
    return str({pid: words for pid, words in running.items() if pid not in locked} or "")


def check_whole(platform, version, seconds=10):
    end = time.monotonic() + seconds
    while wrong := what_is_not_whole(platform, version):
        assert time.monotonic() < end, f"{wrong}\n{platform.done('events', '--for', f'md/{platform.name}')}"
        time.sleep(0.05)


def test_a_killed_control_costs_no_request(platform):
    platform.deploy()
    replicas, gateway = platform.replicas(platform.name), platform.pid("gateway")
    with platform.load([platform.revision(1)]) as load:
        for _ in range(KILLS):
            before = platform.pid("control")
            platform.kill(before)
            started_again(platform, "control", before)
            load.wait_for(50)
    check_all_right(load.result)
    assert platform.replicas(platform.name) == replicas and platform.pid("gateway") == gateway
    check_whole(platform, 1)


def test_a_killed_gateway_refuses_nobody_and_costs_what_it_held(platform):
    platform.deploy()
    connections = 4
    with platform.load([platform.revision(1)], connections=connections) as load:
        for _ in range(KILLS):
            load.wait_for(100)
            before = platform.pid("gateway")
            platform.kill(before)
            started_again(platform, "gateway", before)
            load.catch_up()
    assert set(load.result["kinds"]) <= {"broken"}, load.result["kinds"]
    assert load.result["failed"] <= KILLS * connections
    check_whole(platform, 1)


def test_a_killed_replica_costs_no_request(platform):
    platform.deploy()
    with platform.load([platform.revision(1)]) as load:
        for victim in (0, 1, 0):
            name = sorted(platform.replicas(platform.name))[victim]
            before = platform.replicas(platform.name)[name]
            platform.kill(before)
            load.wait_for(100)
            wait_until(lambda: platform.replicas(platform.name).get(name, before) != before)
            wait_until(lambda: platform.condition("Ready").get("status") == "True" and [row["endpoints"] for row in platform.rows().values()] == [2])
    check_all_right(load.result)
    events = platform.done("events", "--for", f"md/{platform.name}")
    assert "Killed" in events, events


def test_a_new_supervisor_adopts_what_runs(platform):
    platform.deploy()
    before = {part: platform.pid(part) for part in PARTS[1:]} | platform.replicas(platform.name)
    with platform.load([platform.revision(1)], connections=4) as load:
        platform.kill(platform.pid("supervisor"))
        load.wait_for(50)
        told = platform.up()
        assert told["gateway"] == platform.url
        assert {part: platform.pid(part) for part in PARTS[1:]} | platform.replicas(platform.name) == before
        again = platform.try_up()  # finds the first
        assert again.returncode == 0 and platform.pid("supervisor") and '"gateway"' in again.stdout
        gateway = before["gateway"]
        platform.kill(gateway)  # the new one has the socket, too
        started_again(platform, "gateway", gateway)
        load.wait_for(100)
    assert set(load.result["kinds"]) <= {"broken"} and load.result["failed"] <= 4
    check_whole(platform, 1)


def test_without_supervisor_and_control_requests_are_answered(platform):
    platform.deploy()
    with platform.load([platform.revision(1)]) as load:
        for part in PARTS[:2]:
            platform.kill(platform.pid(part))
        load.wait_for(200)
        platform.up()
    check_all_right(load.result)
    check_whole(platform, 1)


@pytest.mark.parametrize("part", ["control", "supervisor"])
def test_a_stopped_part_costs_no_request(platform, part):
    platform.deploy()
    pid = platform.pid(part)
    with platform.load([platform.revision(1)]) as load:
        platform.kill(pid, signal.SIGSTOP)
        load.wait_for(300)
        platform.kill(pid, signal.SIGCONT)
    check_all_right(load.result)
    assert platform.pid(part) == pid
    check_whole(platform, 1)


def test_a_stopped_replica_holds_up_only_what_it_has(platform):
    platform.deploy()
    name, pid = sorted(platform.replicas(platform.name).items())[0]
    with platform.load([platform.revision(1)], connections=64) as load:
        load.wait_for(50)
        platform.kill(pid, signal.SIGSTOP)
        try:
            load.wait_for(1000)  # most connections are free, and stay so
        finally:
            platform.kill(pid, signal.SIGCONT)
    check_all_right(load.result)
    assert platform.replicas(platform.name)[name] == pid
    check_whole(platform, 1)


@pytest.mark.skipif(not LONG, reason="takes more than a minute: SLIPWAY_SOAK=1 runs it")
def test_a_replica_that_stays_stopped_is_taken_out_and_replaced(platform):
    platform.deploy()
    name, pid = sorted(platform.replicas(platform.name).items())[0]
    with platform.load([platform.revision(1)], connections=64) as load:
        platform.kill(pid, signal.SIGSTOP)
        wait_until(lambda: platform.condition("Ready").get("reason") == "Hanging", 30)
        wait_until(lambda: [row["endpoints"] for row in platform.rows().values()] == [1])
        load.wait_for(500)
        wait_until(lambda: platform.replicas(platform.name).get(name) not in (None, pid), 90)
        wait_until(lambda: platform.condition("Ready").get("status") == "True")
        load.wait_for(50)
    # What it had by then is answered when its time is over, and nothing else is lost.
    assert set(load.result["kinds"]) <= {"status 504"} and load.result["failed"] < 64, load.result["kinds"]
    check_whole(platform, 1)


def test_a_stopped_gateway_holds_a_change_until_it_goes_on(platform):
    platform.deploy()
    gateway = platform.pid("gateway")
    platform.kill(gateway, signal.SIGSTOP)
    try:
        platform.patch({"version": 2})
        wait_until(lambda: platform.condition("Progressing").get("reason") == "GatewayUnreachable")
        assert {name.rsplit("-", 1)[0]: weight for name, weight in platform.weights().items()} == {f"{platform.name}-1": 100, f"{platform.name}-2": 0}
    finally:
        platform.kill(gateway, signal.SIGCONT)
    platform.wait_at(2)
    assert platform.pid("gateway") == gateway


@pytest.mark.parametrize("victims", [("control",), ("gateway",), ("control", "gateway")], ids="+".join)
def test_a_change_goes_on_when_its_parts_are_killed(platform, victims):
    """Killed at instants that a seed picks, while versions change all the time."""
    instants = random.Random("+".join(victims))
    platform.deploy(rollout={"strategy": "canary", "keep": "0s", "steps": [{"weight": 50, "hold": "200ms"}]})
    connections = 4
    with platform.load([platform.revision(1)], connections=connections) as load:
        for old, new in ((1, 2), (2, 1)):
            load.allow(platform.revision(old), platform.revision(new))
            platform.patch({"version": new})
            time.sleep(instants.uniform(0, 0.6))  # the instant is what is tried
            for part in victims:
                platform.kill(platform.pid(part))
            wait_until(lambda: all(map(platform.pid, victims)))
            platform.wait_at(new)
            load.allow(platform.revision(new))
            load.wait_for(50)
    if "gateway" not in victims:
        check_all_right(load.result)
    assert set(load.result["kinds"]) <= {"broken"} and load.result["failed"] <= 2 * connections, load.result
    check_whole(platform, 1)


def test_a_machine_that_was_switched_off_serves_again(machine):
    platform = machine()
    platform.push_salted(2)
    platform.deploy()
    platform.patch({"version": 2, "rollout": {"strategy": "canary", "keep": "0s", "steps": [{"weight": 50, "hold": "300ms"}]}})
    for pid in platform.processes():  # in the middle of a change
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: platform.processes() == {})
    assert list((platform.data / "run").glob("*.sock")), "stale sockets are what this is about"
    platform.up()
    platform.wait_at(2)
    assert platform.predict()[0] == 200
    check_whole(platform, 2)
    platform.down()


# ---- Every place where control could die


@pytest.mark.skipif(not DEV_BINARY.exists(), reason=f"no {DEV_BINARY}: tools/build dev slipway makes it")
@pytest.mark.parametrize("place", PLACES)
def test_control_killed_at(platform, place):
    """Its deployment, a change of version and another scale are begun by one that dies at the place; who comes next ends them."""
    platform.deploy()
    hit = random.Random(place).randint(1, 4)
    for part in PARTS[:2]:
        platform.kill(platform.pid(part))
    victim = Control(platform.data, binary=DEV_BINARY, env={"SLIPWAY_FAILPOINT": f"{place}:{hit}"})
    platform.up()  # adopts it
    with platform.load([platform.revision(1), platform.revision(2)]) as load:
        for spec in ({"version": 2, "rollout": {"keep": "0s"}}, {"replicas": 1}, {"replicas": 2}):
            platform.patch(spec)
            time.sleep(0.1)
        wait_until(lambda: not victim.alive(), 20)
        wait_until(lambda: platform.is_at(2) and platform.condition("Ready").get("status") == "True", 5)
        check_whole(platform, 2)  # what is no longer needed has seconds to be quiet
    assert victim.wait() == -signal.SIGKILL and "Sanitizer" not in victim.log()
    check_all_right(load.result)
