"""`slipway down`, and signals: exactly what runs in the data folder ends."""
import http.client
import re
import signal
import subprocess
import time

import pytest
from conftest import BINARY, run, wait_until
from machine import PARTS, holder
from ups import ask_later, kill, pids, port_of, sockets


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
        kill(serving, part)
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
