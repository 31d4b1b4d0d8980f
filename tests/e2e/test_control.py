"""`slipway control` from its first start to its end, and what it says when it cannot start or go on."""
import json
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from conftest import BINARY, ZOO, run, wait_until
from control import API, Control, deployment, refused

TREE = ZOO / "xgb_multi_penguins" / "model.json"


def lines(answer):
    """The lines of a watch as they come, until it ends."""
    while line := answer.readline():
        yield json.loads(line)


# ---- Starting


def test_it_starts_without_a_folder(control, tmp_path):
    platform = control(data=tmp_path / "not" / "there" / "yet")
    assert platform.kubeconfig == platform.data / "kubeconfig" and platform.kubeconfig.stat().st_mode & 0o777 == 0o600
    for private in ("pki/ca.key", "pki/server.key"):
        assert (platform.data / private).stat().st_mode & 0o777 == 0o600
    assert platform.slipway("get", "mv").stderr == "no modelversions in namespace default\n"
    assert platform.stop() == 0


def test_the_folder_is_that_of_the_environment(tmp_path):
    ended = run("get", "mv", env={"SLIPWAY_DATA": str(tmp_path / "one"), "XDG_DATA_HOME": str(tmp_path)})
    assert ended.returncode == 1 and ended.stderr == (f"error: nothing runs in the data folder {tmp_path}/one yet; start it with `slipway up`, "
                                                      "or say --kubeconfig or --context\n")
    assert f"data folder {tmp_path}/slipway yet" in run("get", "mv", env={"XDG_DATA_HOME": str(tmp_path), "SLIPWAY_DATA": ""}).stderr


def test_a_busy_port_is_named(control, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(tmp_path / "data", listen=f"127.0.0.1:{port}")
        assert f"127.0.0.1:{port}" in said and "in use" in said.lower()
    assert not (tmp_path / "data" / "kubeconfig").exists()  # nobody is led to somebody else's port
    control()  # and the folder is as good as new


@pytest.mark.parametrize("listen, says", [
    ("8090", "--listen"), ("nowhere:x", "--listen"), ("unix:/tmp/x", "--listen unix:/tmp/x: kubectl reaches HOST:PORT alone"),
])
def test_a_wrong_address_is_a_mistake_of_the_command_line(tmp_path, listen, says):
    ended = run("control", "--data", tmp_path / "data", "--listen", listen)
    assert ended.returncode == 2 and ended.stderr.startswith(f"error: {says}") and not (tmp_path / "data").exists()


def test_one_control_for_a_folder(control):
    platform = control()
    said = refused(platform.data)
    assert re.fullmatch(rf"error: the data folder {platform.data} is in use \(.*\b{platform.process.pid}\b.*\); stop that one first, or give another --data\n",
                        said), said
    assert platform.slipway("get", "mv").returncode == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    folder = tmp_path / "ro"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", folder], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a read-only file system needs mount: {mounted.stderr.strip()}")
    try:
        said = refused(folder / "data")
        assert said.startswith(f"error: --data {folder}/data: ") and "Read-only file system" in said
    finally:
        subprocess.run(["umount", folder], check=True)


def test_what_is_no_folder_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")
    assert refused(tmp_path / "data").startswith(f"error: --data {tmp_path}/data")


# ---- Going on


def wishes(platform):
    """Deployments without what control makes of them as time goes by."""
    return {name: (each["spec"], each["metadata"]["uid"], each["metadata"]["generation"]) for name, each in platform.deployments().items()}


def test_a_restart_keeps_everything(control):
    first = control()
    assert first.slipway("push", TREE, "--name", "m").returncode == 0
    assert first.slipway("apply", "-f", "-", stdin=json.dumps(deployment("d", model="m", replicas=3))).returncode == 0
    kept = first.versions(), wishes(first), first.token, first.authority
    certificate = (first.data / "pki" / "server.crt").read_text()
    assert first.stop() == 0
    for how in (signal.SIGTERM, signal.SIGKILL):
        again = control()
        assert (again.versions(), wishes(again), again.token, again.authority) == kept
        assert (again.data / "pki" / "server.crt").read_text() == certificate
        assert again.ask("GET", "/v2/m/tags/list")[2] == b'{"name":"m","tags":["1"]}'
        again.stop(how)


def test_resource_versions_never_go_back(control):
    def highest(platform):
        return int(platform.get(f"{API}/modeldeployments")["metadata"]["resourceVersion"])
    seen = []
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        platform = control()
        platform.ask("POST", f"{API}/modeldeployments", deployment(f"d{len(seen)}"))
        seen.append(highest(platform))
        platform.stop(how)
    assert seen == sorted(set(seen))


def test_sigterm_ends_watches_cleanly(control):
    platform = control()
    platform.ask("POST", f"{API}/modeldeployments", deployment("one"))
    wait_until(lambda: platform.deployments()["one"].get("status"))  # nothing more is to come
    watches = []
    for _ in range(20):
        connection = platform.connect()
        connection.request("GET", f"{API}/modeldeployments?watch=true", headers={"authorization": f"Bearer {platform.token}"})
        watches.append(connection.getresponse())
    assert all(next(lines(watch))["type"] == "ADDED" for watch in watches)
    began = time.monotonic()
    platform.process.send_signal(signal.SIGTERM)
    assert [watch.read() for watch in watches] == [b""] * 20  # the last chunk came: a break would raise
    assert platform.wait() == 0 and time.monotonic() - began < 3


def test_a_watching_command_goes_on_after_a_restart(control, tmp_path):
    platform = control()
    port = platform.port
    out = open(tmp_path / "out", "w")
    watching = subprocess.Popen([BINARY, "get", "md", "-w", "-o", "name", "--data", platform.data], stdout=out, stderr=subprocess.PIPE, text=True)
    try:
        platform.ask("POST", f"{API}/modeldeployments", deployment("before"))
        wait_until(lambda: "before" in (tmp_path / "out").read_text())
        platform.stop()
        again = control(listen=f"127.0.0.1:{port}")
        again.ask("POST", f"{API}/modeldeployments", deployment("after"))
        wait_until(lambda: "after" in (tmp_path / "out").read_text(), seconds=20)
    finally:
        watching.kill()
        watching.communicate()
        out.close()


# ---- A full disk


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a disk that can be filled needs mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with open(folder / "ballast", "wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def test_a_full_disk_refuses_writes_until_there_is_room(control, small_disk):
    platform = control(data=small_disk / "data")
    assert platform.ask("POST", f"{API}/modeldeployments", deployment("before"))[0] == 201
    image = platform.push_image(b"before", tag="1")
    kept = platform.deployments()
    index = (platform.data / "models" / "index.json").read_bytes()
    fill(small_disk)
    big = {"metadata": {"annotations": {"note": "x" * 100_000}}}
    status, headers, text = platform.ask("PATCH", f"{API}/modeldeployments/before", big, {"content-type": "application/merge-patch+json"})
    told = json.loads(text)
    assert status == 503 and "slipway.db is full; make room and try again" in told["message"] and headers["retry-after"], text
    status, _, text = platform.push_blob(b"y" * 100_000)
    assert status == 503 and "No space left on device" in text.decode(), text
    ended = platform.slipway("push", TREE, "--name", "m", timeout=120)
    assert ended.returncode == 1 and ("No space left on device" in ended.stderr or "disk" in ended.stderr), ended.stderr
    # Nothing half done: reading goes on, and what there was is what there is.
    assert platform.deployments() == kept and platform.versions() == {}
    assert (platform.data / "models" / "index.json").read_bytes() == index and platform.slipway("verify").returncode == 0
    (small_disk / "ballast").unlink()
    assert platform.ask("PATCH", f"{API}/modeldeployments/before", big, {"content-type": "application/merge-patch+json"})[0] == 200
    assert platform.push_blob(b"y" * 100_000)[0] == 201
    assert platform.slipway("push", TREE, "--name", "m").stdout.startswith("m:1 sha256:")
    after = platform.deployments()
    platform.kill()
    again = control(data=small_disk / "data")
    assert again.deployments() == after and list(again.versions()) == ["m-1"] and again.slipway("verify").returncode == 0
    assert again.ask("GET", f"/v2/m/manifests/{image}", headers={"accept": "*/*"})[0] == 200


def test_a_start_on_a_full_disk_says_so(small_disk):
    fill(small_disk)
    said = refused(small_disk / "data")
    assert "No space left on device" in said or "the disk is full" in said
    (small_disk / "ballast").unlink()
    platform = Control(small_disk / "data")
    assert platform.deployments() == {} and platform.stop() == 0


# ---- Who is meant


OTHER = """apiVersion: v1
kind: Config
clusters:
- name: prod
  cluster: {server: "https://127.0.0.1:1"}
contexts:
- name: prod
  context: {cluster: prod, user: prod, namespace: money}
users:
- name: prod
  user: {token: theirs}
current-context: prod
"""


def test_a_stray_environment_sends_nothing_elsewhere(control, tmp_path):
    platform = control()
    config = tmp_path / "kubeconfig"
    config.write_text(OTHER)
    config.chmod(0o600)
    (tmp_path / ".kube").mkdir()
    shutil.copy(config, tmp_path / ".kube" / "config")
    stray = {"KUBECONFIG": str(config), "HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1",
             "HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
    ended = platform.slipway("apply", "-f", "-", stdin=json.dumps(deployment("mine")), env=stray)
    assert ended.returncode == 0 and list(platform.deployments()) == ["mine"], ended.stderr
    assert platform.slipway("push", TREE, "--name", "m", env=stray).returncode == 0
    ended = run("get", "md", "--context", "prod", env=stray)  # said aloud, it is meant
    assert ended.returncode == 1 and "127.0.0.1:1" in ended.stderr


def test_kubeconfig_merge_keeps_what_is_there(control, tmp_path):
    platform = control()
    config = tmp_path / "config"
    config.write_text(OTHER)
    config.chmod(0o600)
    for _ in range(2):  # the second changes nothing
        ended = platform.slipway("kubeconfig", "--merge", env={"KUBECONFIG": str(config), "HOME": str(tmp_path)})
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == f"context slipway is in {config}; use it with: kubectl --context slipway get modelversions\n"
        text = config.read_text()
        assert config.stat().st_mode & 0o777 == 0o600 and text.count(platform.token) == 1
        assert re.search(r"^current-context: prod$", text, re.M) and "theirs" in text and "money" in text
    assert run("get", "md", "--context", "slipway", env={"KUBECONFIG": str(config), "HOME": str(tmp_path)}).returncode == 0
    fresh = platform.slipway("kubeconfig", "--merge", env={"KUBECONFIG": "", "HOME": str(tmp_path)})
    assert fresh.returncode == 0 and platform.token in (tmp_path / ".kube" / "config").read_text()


def test_kubeconfig_merge_leaves_alone_what_it_cannot_read(control, tmp_path):
    platform = control()
    config = tmp_path / "config"
    config.write_text("clusters: [&a x, *a]\n")
    ended = platform.slipway("kubeconfig", "--merge", env={"KUBECONFIG": str(config)})
    assert ended.returncode == 1 and str(config) in ended.stderr and config.read_text() == "clusters: [&a x, *a]\n"


def test_ATK_40_a_release_has_no_failpoints():
    if BINARY.parent.name != "release":
        pytest.skip("this is not a release build")
    assert b"SLIPWAY_FAILPOINT" not in BINARY.read_bytes()
