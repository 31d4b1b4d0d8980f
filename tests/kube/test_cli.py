"""One command line for many contexts: what a cluster answers to the verbs that one machine answers to, and what people are told otherwise."""
import json
import os
import socket
import subprocess
import time

import yaml
from cluster import BINARY, ROOT

REQUEST = ROOT / "examples" / "tumour.json"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(*words, env=None, **more):
    """slipway WORDS… without any platform of its own -> CompletedProcess."""
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})}, **more)


def contexts_in(tmp_path, cluster, **changes):
    """A kubeconfig of the cluster's with the contexts `prod`, and `expired` whose token nobody knows -> its path."""
    kubeconfig = yaml.safe_load(open(cluster.kubeconfig))
    contexts = {each["name"]: each["context"] for each in kubeconfig["contexts"]}
    current = contexts[kubeconfig["current-context"]]
    kubeconfig["users"].append({"name": "expired", "user": {"token": "x" * 20}})
    kubeconfig["contexts"] = [{"name": "prod", "context": {**current, **changes}}, {"name": "expired", "context": {**current, "user": "expired", **changes}}]
    kubeconfig["current-context"] = "prod"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    path.chmod(0o600)
    return path


# ---- Contexts

def test_contexts_are_listed_and_looked_at(plane, tmp_path):
    env = {"KUBECONFIG": str(contexts_in(tmp_path, plane.cluster, namespace=plane.name)), "SLIPWAY_DATA": str(tmp_path / "none")}
    lines = run("context", env=env).stdout.splitlines()
    assert lines[0].split() == ["CONTEXT", "SERVER", "NAMESPACE", "WITHOUT", "--context"]
    assert lines[1].startswith("(this machine)  (nothing runs)") and lines[2].split()[0::2] == ["prod", plane.name]
    assert lines[2].endswith("kubectl")
    assert run("context", "-o", "name", env=env).stdout.split() == ["prod", "expired"]
    seen = json.loads(run("context", "prod", "-o", "json", env=env).stdout)
    assert (seen["where"], seen["namespace"], seen["deployments"]) == ("cluster", plane.name, 0)


def test_a_context_may_be_named_before_the_verb(plane, tmp_path):
    env = {"KUBECONFIG": str(contexts_in(tmp_path, plane.cluster)), "SLIPWAY_DATA": str(tmp_path / "none")}
    shown = run("--context", "prod", "-n", plane.name, "get", "md", env=env)
    assert (shown.returncode, shown.stderr) == (0, f"no modeldeployments in namespace {plane.name}\n")


def test_an_unknown_context_names_those_there_are(plane, tmp_path):
    told = run("--context", "prdo", "get", "md", env={"KUBECONFIG": str(contexts_in(tmp_path, plane.cluster))})
    assert told.returncode == 1 and "prod, expired" in told.stderr


def test_credentials_that_are_not_taken_name_their_context(plane, tmp_path):
    told = run("--context", "expired", "get", "md", env={"KUBECONFIG": str(contexts_in(tmp_path, plane.cluster))})
    assert told.returncode == 1 and "context expired" in told.stderr and "does not accept these credentials" in told.stderr


def test_a_missing_right_says_whom_to_ask(plane, tmp_path):
    plane.kubectl("create", "serviceaccount", "nobody")
    kubeconfig = yaml.safe_load(contexts_in(tmp_path, plane.cluster, namespace=plane.name).read_text())
    token = plane.kubectl("create", "token", "nobody").stdout.strip()
    kubeconfig["users"] = [{"name": "expired", "user": {"token": token}}]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    told = run("get", "md", "--kubeconfig", tmp_path / "kubeconfig", "--context", "expired")
    assert told.returncode == 1
    assert 'cannot list resource "modeldeployments"' in told.stderr and "Next step: ask who administers context expired" in told.stderr


def test_a_namespace_that_is_missing_is_named_with_its_next_step(control_plane):
    told = run("apply", "-f", ROOT / "examples" / "tumour.yaml", "--kubeconfig", control_plane.kubeconfig, "-n", "nowhere")
    assert told.returncode == 1 and "`kubectl create namespace nowhere` makes it" in told.stderr


def test_what_is_not_reached_says_so(tmp_path, plane):
    kubeconfig = yaml.safe_load(contexts_in(tmp_path, plane.cluster).read_text())
    for each in kubeconfig["clusters"]:
        each["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    told = run("--context", "prod", "get", "md", env={"KUBECONFIG": str(tmp_path / "kubeconfig")})
    assert told.returncode == 1 and "context prod" in told.stderr and "does not answer" in told.stderr


def test_without_a_gateway_predict_says_how_to_get_one(plane):
    plane.apply({"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "credit"}, "spec": {"model": "credit", "version": 1}})
    told = plane.slipway("predict", "credit", "--input", REQUEST)
    assert told.returncode == 1 and "no gateway runs in namespace" in told.stderr and f"-n {plane.name} --only gateway --apply`" in told.stderr
    told = plane.slipway("predict", "nothing", "--input", REQUEST)
    assert told.returncode == 1 and "there is no deployment 'nothing'" in told.stderr


def test_the_shell_completes_names_of_a_cluster(plane, tmp_path):
    plane.apply({"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "credit"}, "spec": {"model": "credit", "version": 1}})
    env = {**os.environ, "KUBECONFIG": str(contexts_in(tmp_path, plane.cluster)), "PATH": f"{BINARY.parent}:{os.environ['PATH']}"}

    def completed(*words):
        script = f'source <(slipway completion bash)\nCOMP_WORDS=(slipway {" ".join(words)}) COMP_CWORD={len(words)}\n_slipway\necho "${{COMPREPLY[@]}}"'
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, env=env).stdout.split()

    assert completed("--context", "prod", "-n", plane.name, "scale", "cre") == ["credit"]
    assert completed("why", "-n", plane.name, "--context", "prod", "cre") == ["credit"]
    assert completed("get", "--context", "p") == ["prod"]
    assert completed("--context", "prod", "stat") == ["status"]


# ---- The verbs, where models are served

def test_every_verb_works_on_a_cluster(platform):
    space, name = platform.space, platform.name
    assert f"modeldeployment/{name} created: tumour:1" in space.done("deploy", name, "--model", "tumour", "--version", 1, "--wait", timeout=120)
    answer = space.slipway("predict", name, "--input", REQUEST)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.startswith(f"answered by {name}-1-")
    by_url = space.slipway("predict", name, "--input", REQUEST, "--url", f"http://{platform.host}")
    assert by_url.stdout == answer.stdout
    space.done("rollout", "status", name)
    assert f"{name} scaled from 1 to 2" in space.done("scale", name, "--replicas", 2, "--wait", timeout=120)
    platform.wait_replicas(2)
    space.done("deploy", name, "--version", 2, "--wait", timeout=120)
    space.done("rollout", "rollback", name, "--wait", timeout=120)
    platform.wait_at(1)
    assert space.done("why", name).startswith("well: ")
    assert f"Name:       {name}" in space.done("describe", f"md/{name}")
    assert name in space.done("events", "--for", f"md/{name}")
    assert "modeldeployment" in space.done("delete", f"md/{name}")


def test_predict_goes_through_a_gateway_s_pod_where_nothing_else_is_reached(platform):
    platform.deploy(1, replicas=1)
    answer = platform.space.slipway("predict", platform.name, "--input", REQUEST)
    assert answer.returncode == 0, answer.stderr
    assert "through pod slipway-gateway-" in answer.stderr


def test_a_forwarded_port_outlives_the_pod_that_it_led_to(platform):
    platform.deploy(1, replicas=1)
    port = free_port()
    forward = subprocess.Popen([BINARY, "port-forward", platform.name, str(port), "--kubeconfig", platform.cluster.kubeconfig, "-n", platform.space.name],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert forward.stdout.readline().startswith(f"http://127.0.0.1:{port}/v2/models/{platform.name} leads to the gateways")
        ask = ("predict", platform.name, "--input", REQUEST, "--url", f"http://127.0.0.1:{port}")
        first = platform.space.done(*ask)
        platform.space.kubectl("delete", "pod", platform.gateways()[0], "--wait=false")
        for _ in range(5):
            assert platform.space.done(*ask) == first
            time.sleep(0.2)
    finally:
        forward.terminate()
        forward.wait(10)


def test_logs_are_those_of_the_servers(platform):
    platform.deploy(1, replicas=2)
    space = platform.space
    lines = space.done("logs", platform.name).splitlines()
    pods = {each["metadata"]["name"] for each in platform.servers()}
    assert lines and {line.split("]")[0].lstrip("[") for line in lines} == pods
    one = sorted(pods)[0]
    assert space.done("logs", one, "--tail", 1).count("\n") == 1
    assert space.done("logs", platform.name, "--replica", 0, "--tail", 1) == space.done("logs", one, "--tail", 1)
    told = space.slipway("logs", platform.name, "--replica", "nothing")
    assert told.returncode == 1 and "there is no replica 'nothing'" in told.stderr


def test_status_shows_the_parts_and_the_traffic(platform):
    platform.deploy(1, replicas=1)
    seen = json.loads(platform.space.done("status", "-o", "json"))
    parts = {each["name"]: each for each in seen["cluster"]["parts"]}
    assert set(parts) == {"control", "gateway"} and parts["control"]["leader"].startswith("slipway-control-")
    assert all(each["ready"] == each["desired"] for each in parts.values())
    row = next(each for each in seen["deployments"] if each["name"] == platform.name)
    assert row["replicas"] == {"ready": 1, "desired": 1} and "traffic" in row
    text = platform.space.done("status")
    assert "PART     READY" in text and "REQ/S" in text and platform.name in text


def test_why_shows_what_the_cluster_s_controllers_say(platform):
    platform.space.apply(platform.manifest(1, replicas=1, resources={"cpu": "900", "memory": "64Mi"}))
    platform.space.wait(lambda: "Unschedulable" in platform.space.slipway("why", platform.name).stdout, "why names the cause")
    told = platform.space.done("why", platform.name)
    assert "Event FailedScheduling" in told and "Insufficient cpu" in told
