"""`slipway serve` as whoever runs a platform starts it: by a lock, with the name and the digest of what is meant."""
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from conftest import BINARY, ZOO

MODEL = ZOO / "xgb_binary_cancer" / "model.json"
DIGEST = "sha256:" + hashlib.sha256(MODEL.read_bytes()).hexdigest()
REVISION = "credit-3-8f2a1c40"


def words(folder, *more, model=MODEL):
    return [BINARY, "serve", "--model", f"credit:3={model}", "--listen", f"unix:{folder}/r.sock", "--admin", f"unix:{folder}/r.admin.sock",
            "--lock", f"{folder}/r.lock", "--revision", REVISION, *more]


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*more, **options):
        process = subprocess.Popen(words(tmp_path, *more, **options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def ask(path, target):
    connection = http.client.HTTPConnection("localhost", timeout=30)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(path))
    connection.request("GET", target)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def test_answers_carry_the_name_that_was_given(start, tmp_path):
    process = start("--expect-digest", DIGEST)
    assert process.stdout.readline().startswith("serving on unix:")
    _, headers, _ = ask(tmp_path / "r.sock", "/v2/models/credit")
    assert headers["slipway-revision"] == f"{REVISION}; digest={DIGEST}"
    observed = json.loads(ask(tmp_path / "r.admin.sock", "/observed")[2])
    assert observed["revisions"] == [{"revision": REVISION, "model": "credit", "version": 3, "digest": DIGEST, "state": "Ready"}]


def test_who_comes_second_ends_with_success_and_leaves_the_first_alone(start, tmp_path):
    first = start()
    first.stdout.readline()
    second = start()
    _, said = second.communicate(timeout=30)
    assert second.returncode == 0
    assert f"is held by process {first.pid}" in said
    assert ask(tmp_path / "r.sock", "/v2/health/ready")[0] == 200


def test_sockets_of_a_killed_one_are_taken_over(start, tmp_path):
    first = start()
    first.stdout.readline()
    first.kill()
    first.wait()
    assert (tmp_path / "r.sock").exists()
    assert start().stdout.readline().startswith("serving on")
    assert ask(tmp_path / "r.sock", "/v2/health/ready")[0] == 200


def test_a_file_of_somebody_is_not_taken_for_a_socket(start, tmp_path):
    (tmp_path / "r.sock").write_text("mine")
    process = start()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "is in use" in said
    assert (tmp_path / "r.sock").read_text() == "mine"


@pytest.mark.parametrize("more, broken, reason", [
    (("--expect-digest", "sha256:" + 64 * "0"), None, f"holds {DIGEST}, not sha256:{64 * '0'}"),
    ((), b"{", "model credit: "),
])
def test_what_cannot_be_served_ends_with_three_and_the_reason_last(start, tmp_path, more, broken, reason):
    model = MODEL
    if broken:
        model = tmp_path / "model.json"
        model.write_bytes(broken)
    process = start(*more, model=model)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 3
    last = said.strip().split("\n")[-1]
    assert last.startswith("error: ") and reason in last


@pytest.mark.parametrize("more, complaint", [
    (("--model", "other=x.json"), "--revision needs exactly one --model"),
    (("--expect-digest", "8f2a"), "--expect-digest"),
    (("--revision", "no name"), "--revision no name"),
    (("--queue", "0"), "--queue 0: want a number from 1"),
])
def test_what_makes_no_sense_together_is_refused(tmp_path, more, complaint):
    done = subprocess.run(words(tmp_path, *more), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert complaint in done.stderr


def large_model(path):
    """The same trees again and again: many seconds to load."""
    model = json.loads(MODEL.read_text())
    booster = model["learner"]["gradient_booster"]["model"]
    times = 20_000_000 // len(MODEL.read_bytes())
    trees = booster["trees"]
    booster["trees"] = [{**trees[i % len(trees)], "id": i} for i in range(times * len(trees))]
    booster["tree_info"] = [0] * len(booster["trees"])
    booster["gbtree_model_param"]["num_trees"] = str(len(booster["trees"]))
    booster["iteration_indptr"] = list(range(len(booster["trees"]) + 1))
    path.write_text(json.dumps(model))


def test_it_says_that_it_loads_and_a_signal_meanwhile_ends_it_at_once(start, tmp_path):
    large_model(tmp_path / "model.json")
    process = start("--drain-quiet", "60s", model=tmp_path / "model.json")
    admin = tmp_path / "r.admin.sock"
    observed = None
    while observed is None and process.poll() is None:
        try:
            observed = json.loads(ask(admin, "/observed")[2])
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.001)
    assert observed["revisions"][0] == {"revision": REVISION, "model": "credit", "version": 3, "digest": "", "state": "Loading"}
    assert ask(admin, "/readyz")[0] == 503
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)  # the drain alone would take a minute
    assert process.returncode == 0
    assert out == ""
    assert os.path.exists(tmp_path / "r.lock")
