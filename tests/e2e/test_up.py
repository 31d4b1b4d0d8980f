"""`slipway up`: what it says, and who is found, kept or started again when somebody dies."""
import concurrent.futures
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BINARY, run, wait_until
from machine import PARTS
from ups import ask_later, kill, pids, port_of, ready, refused, sockets, up, wait_again

KILLS = 30 if os.environ.get("SLIPWAY_SOAK") else 8


@pytest.fixture
def platform(machine):
    return machine()


# ---- What it says


def test_up_says_where_everything_is_once_it_is_ready(folder):
    ended = up(folder)
    assert ended.returncode == 0 and ended.stderr == "", ended
    told = dict(line.split(maxsplit=1) for line in ended.stdout.splitlines())
    assert list(told) == ["gateway", "API", "kubeconfig", "data", "logs"]
    assert told["kubeconfig"] == f"{folder}/kubeconfig" and told["data"] == str(folder) and told["logs"] == f"{folder}/logs"
    assert told["API"] in Path(told["kubeconfig"]).read_text()
    connection = ask_later(port_of(told["gateway"]))
    assert connection.getresponse().status == 200
    assert ready(folder, "control") and ready(folder, "gateway")
    assert run("get", "modeldeployments", "--data", folder).returncode == 0


def test_a_folder_is_named_from_wherever_up_was_called(tmp_path):
    words = [BINARY.resolve(), "up", "-d", "--data", "here/../data/", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "-o", "json"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(ended.stdout)["data"] == str(tmp_path / "data")
    assert run("down", "--data", tmp_path / "data").stdout == f"Stopped what ran in {tmp_path}/data.\n"


def test_a_second_up_finds_the_first(platform):
    before = pids(platform)
    again = run("up", "--data", platform.data)
    assert again.returncode == 0 and again.stdout.startswith(f"Slipway runs already.\ngateway     {platform.url}\n"), again
    assert json.loads(run("up", "-d", "--data", platform.data, "-o", "json").stdout)["gateway"] == platform.url
    assert up(platform.data, listen=f"localhost:{port_of(platform.url)}").returncode == 0
    assert pids(platform) == before


def test_a_second_up_with_other_addresses_is_refused(platform, busy):
    assert refused(platform.data, listen=f"127.0.0.1:{busy}") == (
        f"error: {platform.data}: the gateway that runs is at {platform.url[7:]}, not at 127.0.0.1:{busy}; stop it first: slipway down\n")
    api = f"127.0.0.1:{platform.port}"
    assert refused(platform.data, api=f"127.0.0.1:{busy}") == (
        f"error: {platform.data}: the API that runs is at {api}, not at 127.0.0.1:{busy}; stop it first: slipway down\n")


def test_many_ups_at_once_are_one_platform(folder):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        ended = list(pool.map(lambda number: up(folder, "-o", "json"), range(6)))
    assert all(each.returncode == 0 for each in ended), ended
    told = [each.stdout[each.stdout.index("{"):] for each in ended]
    assert len(set(told)) == 1


# ---- Who dies is started again, or found


def test_a_killed_control_is_started_again_where_it_was(serving):
    replicas, gateway = serving.replicas(), serving.pid("gateway")
    for _ in range(KILLS):
        control = kill(serving, "control")
        assert serving.predict()[0] == 200
        wait_again(serving, "control", control)
        assert serving.get("/version")
    assert serving.replicas() == replicas and serving.pid("gateway") == gateway and serving.predict()[0] == 200


def test_a_killed_gateway_refuses_no_connection(serving):
    port = port_of(serving.url)
    for _ in range(KILLS):
        gateway = kill(serving, "gateway")
        waiting = [ask_later(port) for _ in range(20)]
        wait_again(serving, "gateway", gateway)
        assert {each.getresponse().status for each in waiting} == {200}
    wait_until(lambda: serving.predict()[0] == 200)


def test_a_supervisor_that_dies_harms_nobody_and_the_next_one_adopts(serving):
    port, replicas = port_of(serving.url), serving.replicas()
    for _ in range(KILLS):
        before = pids(serving)
        kill(serving, "supervisor")
        assert serving.predict()[0] == 200 and serving.get("/version")
        assert port_of(serving.up()["gateway"]) == port
        after = pids(serving)
        assert after["supervisor"] not in (0, before["supervisor"])
        assert {**after, "supervisor": 0} == {**before, "supervisor": 0}
        # It has the socket: those who come while there is no gateway wait for the next.
        kill(serving, "gateway")
        waiting = [ask_later(port) for _ in range(5)]
        wait_again(serving, "gateway", after["gateway"])
        assert {each.getresponse().status for each in waiting} == {200}
        # And it starts control again, where it was.
        kill(serving, "control")
        wait_again(serving, "control", after["control"])
        assert serving.get("/version")
    assert serving.replicas() == replicas
    wait_until(lambda: serving.predict()[0] == 200)


def test_up_adopts_a_gateway_that_has_just_begun(platform):
    for _ in range(KILLS):
        before = pids(platform)
        kill(platform, "gateway")
        wait_until(lambda: platform.pid("gateway") not in (0, before["gateway"]))
        kill(platform, "supervisor")
        url = platform.url
        assert platform.up()["gateway"] == url


def test_up_binds_anew_when_the_gateway_died_with_the_supervisor(serving):
    replicas, url = serving.replicas(), serving.url
    for _ in range(2):
        kill(serving, "supervisor")
        kill(serving, "gateway")
        with pytest.raises(ConnectionRefusedError):
            ask_later(port_of(serving.url))
        serving.up()
        wait_until(lambda: serving.predict()[0] == 200)
    assert serving.replicas() == replicas and serving.url != url
    # What control tells people is where the gateway is now.
    wait_until(lambda: serving.status()["url"].startswith(f"{serving.url}/"))


def test_replicas_survive_all_three(serving):
    replicas = serving.replicas()
    for part in PARTS:
        kill(serving, part)
    assert serving.replicas() == replicas
    serving.up()
    wait_until(lambda: serving.predict()[0] == 200)
    assert serving.replicas() == replicas


def test_a_machine_that_was_switched_off_goes_on(serving):
    data = serving.data
    for _ in range(3):
        left = True
        while left:
            left = serving.processes()
            for pid in left:
                serving.kill(pid)
        assert {"gateway.fd", "gateway.admin.sock", "control.admin.sock"} < set(sockets(data))
        # The numbers of the dead may be anybody's now: locks, not numbers, say who runs.
        serving.up()
        wait_until(lambda: serving.predict()[0] == 200, 20)
    assert len(serving.replicas()) == 1
    serving.down()


def test_what_cannot_start_is_tried_again_until_it_can(serving):
    database, aside = serving.data / "slipway.db", serving.data / "aside"
    database.rename(aside)
    database.mkdir()
    kill(serving, "control")
    log = serving.data / "logs" / "supervisor.log"
    wait_until(lambda: log.read_text().count('"ended","part":"control"') >= 4, 20)
    assert serving.predict()[0] == 200
    assert log.read_text().count('"started","part":"control"') < 12, "it does not wait"
    database.rmdir()
    aside.rename(database)
    wait_until(lambda: ready(serving.data, "control"), 15)
    serving.done("status")


def is_stopped(stat):
    return stat.read_text().rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.parametrize("part", ["gateway", "control"])
def test_what_hangs_is_replaced(serving, part):
    """A process that is stopped lives, holds its lock, and answers nobody."""
    time.sleep(2.5)  # until the supervisor has heard it once
    hung = serving.pid(part)
    os.kill(hung, signal.SIGSTOP)
    # All of its threads: one that is still on its way would take the connection with it.
    wait_until(lambda: all(is_stopped(stat) for stat in Path(f"/proc/{hung}/task").glob("*/stat")))
    waiting = ask_later(port_of(serving.url))
    wait_until(lambda: serving.pid(part) not in (0, hung) and ready(serving.data, part), 20)
    # Who waited at the socket is answered by the next one.
    assert waiting.getresponse().status == 200
    wait_until(lambda: serving.predict()[0] == 200)
    assert f'"does not answer and is killed","part":"{part}"' in (serving.data / "logs" / "supervisor.log").read_text()


def test_a_long_log_is_moved_aside_at_the_next_start(platform):
    log = platform.data / "logs" / "gateway.log"
    with open(log, "ab") as file:
        file.truncate(17 << 20)
    gateway = kill(platform, "gateway")
    wait_again(platform, "gateway", gateway)
    assert log.stat().st_size < 1 << 20 and log.with_name("gateway.log.1").stat().st_size == 17 << 20
