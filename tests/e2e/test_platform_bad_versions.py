"""What must never get a request does not, the version that served serves on without one failed request, and both the status and
`slipway why` name the cause."""
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import bad_models
import pytest
from conftest import run, wait_until
from load import check_all_right
from machine import MODEL, Machine, salted

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def shared():
    platform = Machine()
    try:
        platform.push_salted(1)
        yield platform
        platform.down()
    finally:
        platform.remove()


@pytest.fixture
def platform(shared):
    shared.name = f"tumour-{next(NUMBERS)}"
    yield shared
    shared.done("delete", f"md/{shared.name}", "--ignore-not-found")


def reasons(platform):
    """Of `slipway why`, the root first."""
    return [cause["reason"] for cause in json.loads(platform.done("why", platform.name, "-o", "json"))["causes"]]


def check_refused(platform, spec, reason, says="", root=None, seconds=20):
    """A change of spec that must not reach a caller. -> what Progressing says"""
    with platform.load([platform.revision(1)], rate=200) as load:
        platform.patch(spec)
        wait_until(lambda: platform.condition("Progressing").get("reason") == reason, seconds)
        load.wait_for(50)
        assert all(name.startswith(platform.revision(1)) or not row["weight"] for name, row in platform.rows().items())
        why = reasons(platform)
        assert why[0] == (root or reason), why
    check_all_right(load.result)
    condition = platform.condition("Progressing")
    assert re.search(says, condition["message"]), condition
    assert platform.condition("Serving")["status"] == "True" and platform.condition("Ready")["status"] == "False"
    return condition["message"]


def is_failed(platform):
    """It is not tried again: the failed revision has no process any more, and the old one has what it had."""
    wait_until(lambda: "RolledBack" in platform.done("events", "--for", f"md/{platform.name}"), 30)
    wait_until(lambda: all(name.startswith(platform.revision(1)) for name in platform.replicas(platform.name)))
    assert len(platform.replicas(platform.name)) == 2 and platform.condition("Progressing")["status"] == "False"


# ---- What is seen before anything starts


def test_a_version_that_does_not_exist(platform):
    platform.deploy()
    check_refused(platform, {"version": 77}, "VersionNotFound", "tumour has no version 77")
    platform.patch({"version": 1})  # and all is well again
    wait_until(lambda: platform.condition("Ready")["status"] == "True")
    assert reasons(platform) == ["Ready"]


def test_a_version_with_another_signature(platform):
    platform.done("push", bad_models.OTHER_SIGNATURE, "--name", "tumour")
    number = max(each["spec"]["version"] for each in platform.versions().values())
    platform.deploy()
    check_refused(platform, {"version": number}, "SignatureChanged", "input__0")
    assert all(name.startswith(platform.revision(1)) for name in platform.revisions())


def test_more_memory_than_there_is(platform):
    platform.deploy()
    check_refused(platform, {"resources": {"memory": "2Ti"}}, "InsufficientMemory", "2")


def test_more_replicas_than_there_is_memory(platform):
    platform.deploy(resources={"memory": "512Mi"})
    before = platform.replicas(platform.name)
    with platform.load([platform.revision(1)], rate=200) as load:
        platform.patch({"replicas": 1000})
        wait_until(lambda: platform.condition("Ready").get("reason") == "InsufficientMemory")
        assert reasons(platform)[0] == "InsufficientMemory"
        load.wait_for(50)
        assert before.items() <= platform.replicas(platform.name).items()
        platform.patch({"replicas": 2})
        wait_until(lambda: platform.condition("Ready").get("status") == "True")
    check_all_right(load.result)
    assert platform.replicas(platform.name) == before


# ---- What does not start


@pytest.mark.parametrize("what, says", [("truncated", ""), ("unknown operator", "Banana"), ("wrong shapes", r"INT64 \[2,0\], the signature says INT64 \[2,3\]")])
def test_a_version_that_cannot_be_loaded(platform, what, says):
    name, content = {"truncated": ("model.json", bad_models.truncated(MODEL)), "unknown operator": ("model.onnx", bad_models.UNKNOWN.read_bytes()),
                     "wrong shapes": ("model.onnx", bad_models.lying_onnx())}[what]
    number = bad_models.push_unchecked(platform, name, content)
    platform.deploy()
    check_refused(platform, {"version": number}, "LoadFailed", says)
    is_failed(platform)


def test_a_version_that_crashes_at_its_start(platform):
    """No model of ours does: whoever starts for this version is killed."""
    platform.push(salted(platform.folder / "models", 40))
    number = max(each["spec"]["version"] for each in platform.versions().values())
    platform.deploy()
    ended = threading.Event()

    def kill_all():
        while not ended.wait(0.002):
            for pid in platform.replicas(platform.revision(number)).values():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
    killer = threading.Thread(target=kill_all)
    killer.start()
    try:
        check_refused(platform, {"version": number}, "CrashLoop", "it was ended by SIGKILL", seconds=60)
        is_failed(platform)
    finally:
        ended.set()
        killer.join()


def test_a_version_that_wants_more_memory_than_it_may_have(platform):
    platform.deploy()
    message = check_refused(platform, {"resources": {"memory": "2Mi"}}, "OutOfMemory", "", seconds=60)
    assert "2" in message
    is_failed(platform)


def test_a_version_that_hangs_in_its_warm_up(platform):
    number = bad_models.push_unchecked(platform, "model.onnx", bad_models.ENDLESS.read_bytes())
    platform.deploy()
    check_refused(platform, {"version": number, "rollout": {"deadline": "2s"}}, "ProgressDeadlineExceeded", "0 of 2 replicas", root="Starting")
    is_failed(platform)


# ---- Files that are not what they were


def test_ATK_18_a_file_that_was_changed_after_the_push(platform):
    path = salted(platform.folder / "models", 50)
    platform.push(path)
    number = max(each["spec"]["version"] for each in platform.versions().values())
    digest = next(each["spec"]["artifact"].split(":")[1] for each in platform.versions().values() if each["spec"]["version"] == number)
    manifest = json.loads((platform.data / "models" / "blobs" / "sha256" / digest).read_text())
    platform.deploy()
    bad_models.flip(platform.blob_file(manifest["layers"][0]["digest"]))
    check_refused(platform, {"version": number, "rollout": {"deadline": "3s"}}, "DigestMismatch", "")


def test_ATK_18_a_file_that_was_changed_under_a_running_version(machine):
    """Its folder holds links to the store's own files: who starts next refuses to answer with what is there now."""
    platform = machine()
    platform.push_salted(1)
    platform.deploy()
    folder, = (platform.data / "models" / "files").iterdir()
    with platform.load([platform.revision(1)], rate=200) as load:
        bad_models.flip(folder / "model.json")
        victim, pid = sorted(platform.replicas().items())[0]
        platform.kill(pid)
        wait_until(lambda: platform.condition("Ready").get("reason") == "DigestMismatch", 30)
        assert victim not in platform.replicas() and reasons(platform)[0] == "DigestMismatch"
        load.wait_for(50)
    check_all_right(load.result)


# ---- Where nothing can be written, or listened


@pytest.fixture
def small_disk():
    disk = Path(tempfile.mkdtemp(prefix="slipway-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True).returncode == 0
    if mounted:
        yield disk
        subprocess.run(["umount", "-l", disk], check=True)
    disk.rmdir()
    if not mounted:
        pytest.skip("nothing can be mounted here")


def fill(path):
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                pass


def test_a_data_folder_that_is_full(small_disk):
    platform = Machine(data=small_disk / "data")
    try:
        platform.push_salted(2)
        platform.deploy()
        with platform.load([platform.revision(1)], rate=200) as load:
            fill(small_disk / "full")
            ended = platform.slipway("deploy", platform.name, "--version", "2", "--no-wait")
            assert ended.returncode == 1 and ended.stderr == f"error: the disk that holds {platform.data}/slipway.db is full; make room and try again\n", ended
            load.wait_for(100)
            assert platform.object()["spec"]["version"] == 1 and platform.condition("Serving")["status"] == "True"
            (small_disk / "full").unlink()
            load.allow(platform.revision(1), platform.revision(2))
            platform.patch({"version": 2})  # it is tried again by whoever asks, and works
            platform.wait_at(2)
        check_all_right(load.result)
        platform.down()
    finally:
        platform.remove()


def test_a_data_folder_that_cannot_be_written(tmp_path):
    ended = run("up", "--detach", "--data", "/sys/slipway", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0")
    assert ended.returncode == 1 and ended.stderr.startswith("error: --data /sys/slipway cannot be written: ") and len(ended.stderr.splitlines()) == 1, ended


@pytest.mark.parametrize("option", ["--listen", "--api"])
def test_a_port_that_is_in_use(option, tmp_path):
    data = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        words = {"--listen": "127.0.0.1:0", "--api": "127.0.0.1:0", option: f"127.0.0.1:{port}"}
        ended = run("up", "--detach", "--data", data, *itertools.chain(*words.items()))
        assert ended.returncode == 1 and f"127.0.0.1:{port}" in ended.stderr and "in use" in ended.stderr, ended
    assert "Nothing runs" in run("down", "--data", data).stdout
