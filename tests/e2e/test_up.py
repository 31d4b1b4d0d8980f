"""`slipway up` and `down`: what is found, kept and ended, whoever dies in between."""
import concurrent.futures
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BINARY, run, wait_until
from machine import Machine, UnixConnection, holder

PARTS = ("supervisor", "control", "gateway")
KILLS = 30 if os.environ.get("SLIPWAY_SOAK") else 8


@pytest.fixture
def machine():
    made = []

    def make(**more):
        made.append(Machine(**more))
        return made[-1]

    yield make
    for each in made:
        each.remove()


@pytest.fixture
def platform(machine):
    return machine()


@pytest.fixture
def serving(platform):
    platform.push_salted(1)
    platform.deploy(1, replicas=1)
    return platform


@pytest.fixture
def folder(tmp_path_factory):
    """A data folder that nothing has run in; whatever runs in it afterwards is ended."""
    path = tmp_path_factory.mktemp("up") / "data"
    yield path
    run("down", "--data", path, timeout=150)


def up(data, *options, listen="127.0.0.1:0", api="127.0.0.1:0", env=None):
    return run("up", "--detach", "--data", data, "--listen", listen, "--api", api, *options, env=env, timeout=90)


def refused(data, *options, **more):
    """`slipway up` that must not start, here or in the background. -> what it says"""
    here = run("up", "--data", data, "--listen", more.get("listen", "127.0.0.1:0"), "--api", more.get("api", "127.0.0.1:0"), *options, timeout=90)
    ended = up(data, *options, **more)
    for each in (here, ended):
        assert each.returncode == 1 and each.stdout == "", each
    said = here.stderr.splitlines()[-1] + "\n"
    assert re.sub(r"\d+", "N", ended.stderr) == re.sub(r"\d+", "N", said)
    return said


def port_of(url):
    return int(url.rsplit(":", 1)[1])


def pids(platform):
    return {part: platform.pid(part) for part in PARTS}


def sockets(data):
    return [path.name for path in (data / "run").iterdir() if path.is_socket()]


def ask_later(port):
    """A connection that the system has taken, and a request on it; nobody may have accepted it yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/v2/health/live")
    return connection


def ready(data, part):
    try:
        connection = UnixConnection(data / "run" / f"{part}.admin.sock", timeout=2)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def wait_again(platform, part, old):
    """Until another process is that part, and ready."""
    wait_until(lambda: platform.pid(part) not in (0, old) and ready(platform.data, part))
    return platform.pid(part)


@pytest.fixture
def busy():
    """A port that is a stranger's."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        yield stranger.getsockname()[1]


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
        control = serving.pid("control")
        serving.kill(control)
        assert serving.predict()[0] == 200
        wait_again(serving, "control", control)
        assert serving.get("/version")
    assert serving.replicas() == replicas and serving.pid("gateway") == gateway and serving.predict()[0] == 200


def test_a_killed_gateway_refuses_no_connection(serving):
    port = port_of(serving.url)
    waiting = []
    for _ in range(KILLS):
        gateway = serving.pid("gateway")
        serving.kill(gateway)
        waiting += [ask_later(port) for _ in range(20)]
        wait_again(serving, "gateway", gateway)
    assert {each.getresponse().status for each in waiting} == {200}
    wait_until(lambda: serving.predict()[0] == 200)


def test_a_supervisor_that_dies_harms_nobody_and_the_next_one_adopts(serving):
    port, replicas = port_of(serving.url), serving.replicas()
    for _ in range(KILLS):
        before = pids(serving)
        serving.kill(before["supervisor"])
        assert serving.predict()[0] == 200 and serving.get("/version")
        assert port_of(serving.up()["gateway"]) == port
        after = pids(serving)
        assert after["supervisor"] not in (0, before["supervisor"])
        assert {**after, "supervisor": 0} == {**before, "supervisor": 0}
        # It has the socket: those who come while there is no gateway wait for the next.
        serving.kill(after["gateway"])
        waiting = [ask_later(port) for _ in range(5)]
        wait_again(serving, "gateway", after["gateway"])
        assert {each.getresponse().status for each in waiting} == {200}
        # And it starts control again, where it was.
        serving.kill(after["control"])
        wait_again(serving, "control", after["control"])
        assert serving.get("/version")
    assert serving.replicas() == replicas
    wait_until(lambda: serving.predict()[0] == 200)


def test_up_adopts_a_gateway_that_has_just_begun(platform):
    for _ in range(KILLS):
        before = pids(platform)
        platform.kill(before["gateway"])
        wait_until(lambda: platform.pid("gateway") not in (0, before["gateway"]))
        platform.kill(before["supervisor"])
        url = platform.url
        assert platform.up()["gateway"] == url


def test_up_binds_anew_when_the_gateway_died_with_the_supervisor(serving):
    replicas, url = serving.replicas(), serving.url
    for _ in range(2):
        serving.kill(serving.pid("supervisor"))
        serving.kill(serving.pid("gateway"))
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
        serving.kill(serving.pid(part))
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
    serving.kill(serving.pid("control"))
    log = serving.data / "logs" / "supervisor.log"
    wait_until(lambda: log.read_text().count('"ended","part":"control"') >= 4, 20)
    assert serving.predict()[0] == 200
    assert log.read_text().count('"started","part":"control"') < 12, "it does not wait"
    database.rmdir()
    aside.rename(database)
    wait_until(lambda: ready(serving.data, "control"), 15)
    serving.done("status")


def test_a_long_log_is_moved_aside_at_the_next_start(platform):
    log = platform.data / "logs" / "gateway.log"
    with open(log, "ab") as file:
        file.truncate(17 << 20)
    gateway = platform.pid("gateway")
    platform.kill(gateway)
    wait_again(platform, "gateway", gateway)
    assert log.stat().st_size < 1 << 20 and log.with_name("gateway.log.1").stat().st_size == 17 << 20


# ---- Down


def test_down_ends_all_of_it_and_says_so(serving):
    parts = pids(serving)
    ended = serving.slipway("down")
    assert ended.returncode == 0 and ended.stdout == f"Stopped what ran in {serving.data}.\n"
    said = re.findall(r"^(\S+) \(process (\d+)\) ended$", ended.stderr, re.M)
    assert [name.rsplit("-", 2)[0] for name, _ in said] == ["gateway", "control", "tumour-1"]
    assert [int(pid) for _, pid in said[:2]] == [parts["gateway"], parts["control"]]
    assert serving.processes() == {} and sockets(serving.data) == []
    again = serving.slipway("down")
    assert again.returncode == 0 and again.stdout == f"Nothing runs in {serving.data}.\n" and again.stderr == ""
    with pytest.raises(ConnectionRefusedError):
        ask_later(port_of(serving.url))
    # What was deployed is there when it comes up again.
    serving.up()
    wait_until(lambda: serving.predict()[0] == 200)


@pytest.mark.parametrize("dead", [("supervisor",), ("supervisor", "gateway"), ("supervisor", "control"), PARTS])
def test_down_ends_what_a_dead_supervisor_left(serving, dead):
    for part in dead:
        serving.kill(serving.pid(part))
    assert serving.processes()
    serving.down()
    assert sockets(serving.data) == []


def test_down_ends_nothing_of_another_folder(machine):
    mine, other = machine(), machine()
    before = pids(other)
    mine.down()
    assert pids(other) == before and other.get("/version")
    other.down()


def test_down_in_a_folder_where_nothing_ever_ran(tmp_path):
    ended = run("down", "--data", tmp_path / "none")
    assert ended.returncode == 0 and ended.stdout == f"Nothing runs in {tmp_path}/none.\n" and not (tmp_path / "none").exists()


def test_down_answers_first_what_has_begun(serving):
    body = serving.request.read_bytes()
    connection = http.client.HTTPConnection("127.0.0.1", port_of(serving.url), timeout=20)
    connection.putrequest("POST", "/v2/models/tumour/infer")
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body[:100])
    time.sleep(0.1)  # until it has been taken
    down = subprocess.Popen([BINARY, "down", "--data", serving.data], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert down.stderr.readline() == b"stopping; what has begun is answered first\n"
    time.sleep(0.3)
    connection.send(body[100:])
    assert connection.getresponse().status == 200
    down.communicate(timeout=60)
    assert down.returncode == 0 and serving.processes() == {}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_a_signal_ends_all_of_it(folder, how):
    with subprocess.Popen([BINARY, "up", "--data", folder, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("gateway ")
        process.send_signal(how)
        assert process.wait(timeout=30) == 0
    assert run("down", "--data", folder).stdout.startswith("Nothing runs")


def test_a_signal_while_it_starts_leaves_nothing(folder):
    for after in (0, 0.005, 0.01, 0.02, 0.03, 0.05):
        process = subprocess.Popen([BINARY, "up", "--data", folder, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        wait_until(lambda: holder(folder / "run" / "supervisor.lock"))
        time.sleep(after)
        process.terminate()
        process.wait(timeout=30)
        assert run("down", "--data", folder).stdout.startswith("Nothing runs")


# ---- What cannot be


@pytest.mark.parametrize("option, part", [("--listen", ""), ("--api", "control"), ("--admin", "gateway"), ("--api-admin", "control")])
def test_a_port_in_use_is_named_and_nothing_is_left(folder, busy, option, part):
    said = refused(folder, option, f"127.0.0.1:{busy}")
    assert f"127.0.0.1:{busy} is in use" in said and "stop what listens there" in said, said
    assert said.startswith(f"error: {part} ended at once; its log says: " if part else "error: ")
    assert run("down", "--data", folder).stdout.startswith("Nothing runs") and sockets(folder) == []


def test_a_start_that_fails_leaves_what_ran_before(serving, busy):
    gateway, replicas = serving.pid("gateway"), serving.replicas()
    serving.kill(serving.pid("supervisor"))
    serving.kill(serving.pid("control"))
    said = refused(serving.data, api=f"127.0.0.1:{busy}")
    assert f"127.0.0.1:{busy} is in use" in said
    assert serving.pid("gateway") == gateway and serving.replicas() == replicas and serving.pid("control") == 0
    assert serving.predict()[0] == 200
    serving.up()
    assert serving.pid("gateway") == gateway


def test_an_up_that_adopts_refuses_other_addresses(serving, busy):
    parts = pids(serving)
    serving.kill(parts["supervisor"])
    assert f"is at {serving.url[7:]}, not at 127.0.0.1:{busy}; stop it first: slipway down" in refused(serving.data, listen=f"127.0.0.1:{busy}")
    assert f"not at 127.0.0.1:{busy}; stop it first: slipway down" in refused(serving.data, api=f"127.0.0.1:{busy}")
    assert {**pids(serving), "supervisor": 0} == {**parts, "supervisor": 0}


def test_a_gateway_that_has_its_own_socket_is_named(folder):
    with subprocess.Popen([BINARY, "gateway", "--data", folder, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout.readline().startswith("gateway on ")
        said = refused(folder)
        assert f"the gateway that runs (process {gateway.pid}) does not give its socket" in said and "stop it first: slipway down" in said
        assert gateway.poll() is None
        gateway.terminate()


def test_addresses_that_others_reach_want_a_word(folder):
    for option in ("--listen", "--admin", "--api-admin"):
        said = up(folder, option, "0.0.0.0:0")
        assert said.returncode != 0 and "--allow-plaintext" in said.stderr, said
    assert run("down", "--data", folder).stdout.startswith("Nothing runs")
    assert up(folder, "--allow-plaintext", listen="0.0.0.0:0").returncode == 0


def test_what_is_no_address_is_named(folder):
    for option in ("--listen", "--admin", "--api", "--api-admin"):
        ended = run("up", "--data", folder, option, "nowhere")
        assert ended.returncode == 2 and ended.stderr.startswith(f"error: {option}: "), ended
    assert not folder.exists()


def mounted(folder, options):
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a disk of its own needs mount: {done.stderr.strip()}")


def test_a_read_only_folder_is_named(tmp_path):
    disk = tmp_path / "disk"
    mounted(disk, "ro,size=1m")
    try:
        said = refused(disk / "data")
        assert said.startswith(f"error: --data {disk}/data cannot be written: ") and "Read-only file system" in said, said
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_named_and_nothing_is_left(tmp_path):
    disk = tmp_path / "disk"
    mounted(disk, "size=256k")
    try:
        with open(disk / "ballast", "wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(b"x" * 4096)
        said = refused(disk / "data")
        assert said.startswith(f"error: --data {disk}/data cannot be written: ") and "No space left on device" in said, said
        assert run("down", "--data", disk / "data").stdout.startswith("Nothing runs")
        (disk / "ballast").unlink()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_what_is_no_folder_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")
    said = refused(tmp_path / "data")
    assert f"{tmp_path}/data" in said and "Not a directory" in said, said


def test_a_folder_too_deep_for_sockets_is_named(tmp_path):
    deep = tmp_path / ("d" * 100) / "data"
    said = refused(deep)
    assert "107 bytes" in said and str(deep) in said, said
    assert run("down", "--data", deep).stdout.startswith("Nothing runs")
