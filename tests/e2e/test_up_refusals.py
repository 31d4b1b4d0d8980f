"""`slipway up` where it cannot be: the error names what is in the way and the next step, and nothing is left."""
import subprocess

import pytest
from conftest import BINARY, run
from ups import kill, pids, refused, sockets, up


@pytest.mark.parametrize("option, part", [("--listen", ""), ("--api", "control"), ("--admin", "gateway"), ("--api-admin", "control")])
def test_a_port_in_use_is_named_and_nothing_is_left(folder, busy, option, part):
    said = refused(folder, option, f"127.0.0.1:{busy}")
    assert f"127.0.0.1:{busy} is in use" in said and "stop what listens there" in said, said
    assert said.startswith(f"error: {part} ended at once; its log says: " if part else "error: ")
    assert run("down", "--data", folder).stdout.startswith("Nothing runs") and sockets(folder) == []


def test_a_start_that_fails_leaves_what_ran_before(serving, busy):
    gateway, replicas = serving.pid("gateway"), serving.replicas()
    kill(serving, "supervisor")
    kill(serving, "control")
    said = refused(serving.data, api=f"127.0.0.1:{busy}")
    assert f"127.0.0.1:{busy} is in use" in said
    assert serving.pid("gateway") == gateway and serving.replicas() == replicas and serving.pid("control") == 0
    assert serving.predict()[0] == 200
    serving.up()
    assert serving.pid("gateway") == gateway


def test_an_up_that_adopts_refuses_other_addresses(serving, busy):
    parts = pids(serving)
    kill(serving, "supervisor")
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
    assert refused(deep) == f"error: --data {deep}: {len(str(deep))} bytes are too many, since the path of a socket below it has at most 107; it may have 75\n"
    assert not deep.parent.exists()
