"""`slipway gateway` beside a real control: what callers see of it, and what they do not see of control's deaths."""
import json
import signal
import socket
import subprocess
import time

import open_metrics
import pytest
from conftest import BINARY, ROOT, run, wait_until
from control import API
from gateway import Gateway, end_replicas, replicas_of

TUMOUR = ROOT / "examples" / "tumour" / "model.json"
TUMOUR_2 = ROOT / "examples" / "tumour-2"


@pytest.fixture
def gateway(tmp_path):
    started = []

    def start(*options, data=None, **more):
        started.append(Gateway(data or tmp_path / "data", *options, **more))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.fixture
def platform(control, tmp_path):
    """A control whose replicas end with the test."""
    yield control()
    end_replicas(tmp_path / "data")


def deploy(platform, name="tumour", version=1, replicas=1, **spec):
    """Deployed, and served by all of its replicas. -> the revision that serves"""
    if version not in {item["spec"]["version"] for item in platform.versions().values() if item["spec"]["model"] == "tumour"}:
        pushed = platform.slipway("push", TUMOUR if version == 1 else TUMOUR_2, "--name", "tumour")
        assert pushed.returncode == 0, pushed.stderr
    manifest = {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": name},
                "spec": {"model": "tumour", "version": version, "replicas": replicas, **spec}}
    applied = platform.slipway("apply", "-f", "-", stdin=json.dumps(manifest))
    assert applied.returncode == 0, applied.stderr

    def serving():
        for each in platform.deployments()[name].get("status", {}).get("revisions", []):
            if each["version"] == version and each["weight"] == 100 and each["ready"] == replicas:
                return each["name"]
        return None

    wait_until(lambda: serving(), seconds=30)
    return serving()


def the_replica_of(platform):
    wait_until(lambda: len(replicas_of(platform.data)) == 1)  # one that came second is about to end
    return next(iter(replicas_of(platform.data)))


def answered_by(answer):
    status, headers, text = answer
    assert status == 200, text
    return headers["slipway-revision"].split(";")[0]


# ---- What callers see


def test_it_answers_under_the_deployments_name_as_the_server_would(platform, gateway):
    front = gateway()
    revision = deploy(platform)
    wait_until(lambda: front.rows() == {revision: (100, 1)})
    status, headers, text = front.infer(headers={"x-request-id": "mine-7"})
    answer = json.loads(text)
    assert status == 200 and answer["model_name"] == "tumour" and answer["id"] == "mine-7" and len(answer["outputs"][0]["data"]) == 5
    digest = platform.versions()["tumour-1"]["spec"]["digest"]
    assert headers["slipway-revision"] == f"{revision}; digest={digest}" and headers["x-request-id"] == "mine-7"
    for path in ("/v2/models/tumour", "/v2/models/tumour/ready", "/v2/models/tumour/versions/1", "/v2/models/tumour/versions/1/ready"):
        assert front.ask("GET", path)[0] == 200, path
    assert front.ask("GET", "/v2/health/live")[2] == '{"live":true}' and front.ask("GET", "/v2/health/ready")[2] == '{"ready":true}'
    assert json.loads(front.ask("GET", "/v2/models")[2]) == {"models": ["tumour"]}
    assert front.stop() == 0


def test_it_says_what_there_is_and_why_nothing_answers(platform, gateway):
    front = gateway()
    status, said, headers = front.error("GET", "/v2/models/credit")
    assert (status, said) == (404, "there is no deployment credit; there is none") and headers["slipway-refused"] == "NotFound"
    deploy(platform)
    wait_until(lambda: front.ask("GET", "/v2/models/tumour")[0] == 200)
    assert front.error("GET", "/v2/models/credit")[1] == "there is no deployment credit; there is tumour"
    assert front.error("GET", "/v2/models/tumour/versions/9")[1] == "tumour serves no version 9; it serves 1"
    revision = next(iter(front.rows()))
    said = front.error("GET", "/v2/models/tumour", headers={"slipway-revision": "tumour-9"})
    assert said[:2] == (404, f"tumour has no revision tumour-9; it has {revision}")

    missing = {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "ghost"}, "spec": {"model": "ghost", "version": 3}}
    assert platform.slipway("apply", "-f", "-", stdin=json.dumps(missing)).returncode == 0
    wait_until(lambda: front.ask("GET", "/v2/models/ghost")[1]["slipway-refused"] == "VersionNotFound")
    status, said, headers = front.error("POST", "/v2/models/ghost/infer", body="{}")
    assert status == 503 and headers["retry-after"] == "1"
    assert said.startswith("ghost cannot answer now: ") and said.endswith("; `slipway why ghost` tells more")


def test_a_revision_without_weight_answers_who_names_it(platform, gateway):
    front = gateway()
    first = deploy(platform)
    second = deploy(platform, version=2, rollout={"keep": "10m"})
    wait_until(lambda: front.rows() == {first: (0, 1), second: (100, 1)})
    for _ in range(20):
        assert answered_by(front.infer()) == second
    assert answered_by(front.infer(headers={"slipway-revision": first})) == first
    assert answered_by(front.ask("GET", "/v2/models/tumour/versions/1")) == first


def test_more_than_the_queue_are_refused(platform, gateway):
    front = gateway()
    deploy(platform, limits={"queue": 1})
    wait_until(lambda: front.ask("GET", "/v2/models/tumour")[0] == 200)
    pid = the_replica_of(platform)
    waiting = front.connect()
    try:
        subprocess.run(["kill", "-STOP", str(pid)], check=True)
        waiting.request("GET", "/v2/models/tumour")
        wait_until(lambda: open_metrics.parse(front.admin("/metrics")[2])["slipway_gateway_in_flight"] == 1)
        status, said, headers = front.error("GET", "/v2/models/tumour")
    finally:
        subprocess.run(["kill", "-CONT", str(pid)], check=True)
    assert status == 429 and headers["retry-after"] == "1" and headers["slipway-refused"] == "QueueFull"
    assert said == "1 requests for tumour wait already; its limits.queue allows no more"
    assert waiting.getresponse().status == 200
    waiting.close()


def test_probes_and_metrics_stand_on_the_admins_socket(platform, gateway):
    front = gateway("--admin", "127.0.0.1:0")
    revision = deploy(platform)
    wait_until(lambda: front.ask("GET", "/v2/models/tumour")[0] == 200)
    assert front.infer()[0] == 200
    for path in ("/startupz", "/livez", "/readyz"):
        assert front.admin(path)[0] == 200, path
    samples = open_metrics.parse(front.admin("/metrics")[2])
    assert samples[f'slipway_gateway_requests_total{{deployment="tumour",revision="{revision}",code="200"}}'] >= 2
    assert samples["slipway_gateway_synced"] == 1 and samples["slipway_gateway_deployments"] == 1
    assert front.ask("GET", "/metrics")[0] == 404  # that is nobody's business who asks for predictions


# ---- What they do not see


def test_a_dead_control_and_a_new_gateway_change_nothing(platform, gateway, control):
    front = gateway()
    revision = deploy(platform, replicas=2)
    wait_until(lambda: front.rows() == {revision: (100, 2)})
    platform.kill()
    for _ in range(50):
        assert answered_by(front.infer()) == revision
    wait_until(lambda: open_metrics.parse(front.admin("/metrics")[2])["slipway_gateway_synced"] == 0)  # and it says that it is alone
    kept = front.data / "gateway" / "endpoints.json"
    wait_until(lambda: kept.exists() and kept.read_text().count('"ready":true') == 2)  # once a second at most
    front.stop(signal.SIGKILL)

    front = gateway()  # nobody but the files of the last time can tell it anything
    for _ in range(50):
        assert answered_by(front.infer()) == revision
    assert open_metrics.parse(front.admin("/metrics")[2])["slipway_gateway_synced"] == 0
    assert front.admin("/readyz")[0] == 200

    anew = control()  # on another port
    assert anew.port != platform.port
    wait_until(lambda: open_metrics.parse(front.admin("/metrics")[2])["slipway_gateway_synced"] == 1)
    assert front.rows() == {revision: (100, 2)} and answered_by(front.infer()) == revision
    second = deploy(anew, version=2, replicas=2)
    wait_until(lambda: front.rows().get(second) == (100, 2))
    assert answered_by(front.infer()) == second


def test_a_control_that_comes_back_is_heard_soon(platform, gateway, control):
    front = gateway()
    revision = deploy(platform)
    wait_until(lambda: front.rows() == {revision: (100, 1)})
    platform.kill()
    time.sleep(4)  # long enough for the pauses between tries to have grown
    anew = control(listen=f"127.0.0.1:{platform.port}")
    assert anew.slipway("scale", "tumour", "--replicas", "2").returncode == 0
    wait_until(lambda: front.rows() == {revision: (100, 2)}, seconds=5)


def test_a_killed_replica_costs_no_request(platform, gateway):
    front = gateway()
    revision = deploy(platform, replicas=2)
    wait_until(lambda: front.rows() == {revision: (100, 2)})
    connection = front.connect()
    for number in range(300):
        if number == 100:
            subprocess.run(["kill", "-KILL", str(next(iter(replicas_of(platform.data))))], check=True)
        connection.request("GET", "/v2/models/tumour")
        answer = connection.getresponse()
        assert (answer.status, answer.read() != b"") == (200, True), number
    connection.close()
    wait_until(lambda: front.rows() == {revision: (100, 2)} and len(replicas_of(platform.data)) == 2, seconds=20)


def test_a_file_that_was_cut_is_passed_over(platform, gateway):
    front = gateway()
    revision = deploy(platform)
    wait_until(lambda: front.rows() == {revision: (100, 1)})
    front.stop()
    kept = front.data / "gateway" / "deployments.json"
    kept.write_bytes(kept.read_bytes()[:-40])
    front = gateway()
    wait_until(lambda: front.rows() == {revision: (100, 1)})
    assert "the last known list is damaged and is passed over" in front.log()


# ---- Starting and ending


def test_it_waits_for_a_control_that_is_not_there_yet(control, gateway, tmp_path):
    front = gateway()
    assert front.error("GET", "/v2/models/tumour")[0] in (404, 503)
    platform = control()
    try:
        revision = deploy(platform)
        wait_until(lambda: front.rows() == {revision: (100, 1)})
    finally:
        end_replicas(tmp_path / "data")


def test_a_second_gateway_of_the_folder_names_the_first(gateway, tmp_path):
    front = gateway()
    second = run("gateway", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", timeout=30)
    assert second.returncode == 1 and "a gateway serves this data folder already" in second.stderr and str(front.process.pid) in second.stderr
    assert front.admin("/livez")[0] == 200


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("gateway", "--data", tmp_path / "data", "--listen", f"127.0.0.1:{port}", timeout=30)
    assert ended.returncode == 1 and f"127.0.0.1:{port}" in ended.stderr and "in use" in ended.stderr.lower()


def test_an_inherited_listener_refuses_nobody_while_a_gateway_is_killed(platform, gateway):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        number = listener.fileno()
        front = gateway(listen=f"fd:{number}", pass_fds=[number])
        revision = deploy(platform)
        wait_until(lambda: front.rows() == {revision: (100, 1)})
        front.stop(signal.SIGKILL)
        waiting = front.connect()
        waiting.request("GET", "/v2/models/tumour")  # accepted by nobody yet
        gateway(listen=f"fd:{number}", pass_fds=[number])
        assert waiting.getresponse().status == 200
        waiting.close()


def test_sigterm_answers_what_runs_and_ends(platform, gateway):
    front = gateway()
    deploy(platform)
    wait_until(lambda: front.ask("GET", "/v2/models/tumour")[0] == 200)
    pid = the_replica_of(platform)
    waiting = front.connect()
    subprocess.run(["kill", "-STOP", str(pid)], check=True)
    try:
        waiting.request("GET", "/v2/models/tumour")
        wait_until(lambda: open_metrics.parse(front.admin("/metrics")[2])["slipway_gateway_in_flight"] == 1)
        front.process.send_signal(signal.SIGTERM)
        wait_until(lambda: front.admin("/readyz")[0] == 503)
    finally:
        subprocess.run(["kill", "-CONT", str(pid)], check=True)
    assert waiting.getresponse().status == 200
    waiting.close()
    assert front.process.wait(timeout=10) == 0
