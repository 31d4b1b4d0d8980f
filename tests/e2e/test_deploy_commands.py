"""The commands about deployments, against a real `slipway control`: what they write, what they show, how they end.

Nothing here needs replicas: where the status matters it is written by hand, and so are logs, as control's loops and replicas would.
"""
import json
import re
import subprocess
import time

import pytest
from conftest import BINARY, ZOO, wait_until
from control import API, Control

MODELS = {"penguins": ZOO / "xgb_multi_penguins" / "model.json", "iris": ZOO / "xgb_old17_iris" / "model.json"}
NOW = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    control = Control(tmp_path_factory.mktemp("deploy") / "data")
    for name, path in MODELS.items():
        assert control.slipway("push", path, "--name", name).returncode == 0
    assert control.slipway("push", MODELS["iris"], "--name", "penguins").returncode == 0  # a second version
    yield control
    assert control.stop() == 0


@pytest.fixture(autouse=True)
def no_deployments(platform):
    yield
    platform.ask("DELETE", f"{API}/modeldeployments")


def done(platform, *words, code=0, **more):
    ended = platform.slipway(*words, **more)
    assert ended.returncode == code, ended
    return ended.stdout if code == 0 else ended.stderr


def spec(platform, name):
    return platform.deployments()[name]["spec"]


def revision(name, version, phase, weight, ready=1, desired=1, **more):
    return {"name": f"{name}-{version}-0000000{version}", "model": "penguins", "version": version, "digest": f"sha256:{version:064}",
            "artifact": f"penguins@sha256:{version:064}", "weight": weight, "phase": phase, "ready": ready, "desired": desired, "since": NOW, **more}


def condition(kind, status, reason, message="words"):
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": NOW}


SHIFTING = [condition("Ready", "False", "Shifting"), condition("Serving", "True", "Serving"), condition("Progressing", "True", "Shifting")]
COMPLETE = [condition("Ready", "True", "Ready"), condition("Serving", "True", "Serving"), condition("Progressing", "True", "RolloutComplete")]
FAILED = [condition("Ready", "False", "LoadFailed"), condition("Serving", "True", "Serving"),
          condition("Progressing", "False", "LoadFailed", "penguins-2-00000002: no such tree; penguins-1-00000001 serves on")]


def write_status(platform, name, revisions, conditions, url="http://127.0.0.1:9/v2/models/penguins"):
    """As control's loops do."""
    object = platform.deployments()[name]
    generation = object["metadata"]["generation"]
    object["status"] = {"observedGeneration": generation, "desiredReplicas": 1, "replicas": len(revisions), "url": url, "revisions": revisions,
                        "conditions": [{**each, "observedGeneration": generation} for each in conditions]}
    status, _, text = platform.ask("PUT", f"{API}/modeldeployments/{name}/status", object)
    assert status == 200, text


# ---- deploy


def test_deploy_takes_the_model_of_its_name_and_the_highest_version(platform):
    assert done(platform, "deploy", "penguins", "--no-wait") == "modeldeployment/penguins created: penguins:2, 1 replica\n"
    assert spec(platform, "penguins")["version"] == 2


def test_deploy_changes_what_is_named_and_keeps_the_rest(platform):
    done(platform, "deploy", "scoring", "--model", "penguins", "--version", 1, "--replicas", 2, "--steps", "1:2m,50:1m", "--keep", "90s")
    before = spec(platform, "scoring")
    assert before["replicas"] == 2 and before["rollout"]["strategy"] == "canary" and before["rollout"]["keep"] == "1m30s"
    assert before["rollout"]["steps"] == [{"weight": 1, "hold": "2m"}, {"weight": 50, "hold": "1m"}]
    assert done(platform, "deploy", "scoring") == "modeldeployment/scoring configured: penguins:2 instead of 1, 2 replicas\n"
    assert spec(platform, "scoring") == {**before, "version": 2}
    assert done(platform, "deploy", "scoring").startswith("modeldeployment/scoring unchanged")
    done(platform, "deploy", "scoring", "--strategy", "immediate")
    assert "steps" not in spec(platform, "scoring")["rollout"]
    assert json.loads(done(platform, "deploy", "scoring", "-o", "json"))["standing"] == "Waiting"


@pytest.mark.parametrize("words, code, says", [
    (["deploy", "pengiuns"], 1, "there is no model pengiuns; did you mean 'penguins'?"),
    (["deploy", "penguins", "--version", "7"], 1, "there is no version 7 of penguins"),
    (["deploy", "penguins", "--version", "first"], 2, "--version first: want a number from 1"),
    (["deploy", "penguins", "--replicas", "-1"], 2, "--replicas -1: want a number from 0 to 1000"),
    (["deploy", "penguins", "--steps", "10"], 2, "want PERCENT:TIME"),
    (["deploy", "penguins", "--steps", "10:1m", "--strategy", "immediate"], 2, "--steps belong to --strategy canary"),
    (["deploy", "penguins", "--strategy", "blueGreen"], 2, "it is one of immediate, canary"),
    (["deploy", "penguins", "--replica", "2"], 2, "did you mean --replicas?"),
    (["deploy", "penguins", "--wait", "--no-wait"], 2, "say one of them"),
    (["deploy", "Penguins", "--model", "penguins"], 1, "metadata.name"),
    (["deploy"], 2, "NAME"),
    (["scale", "penguins", "--replicas", "1"], 1, "there is no deployment 'penguins'; there is none yet"),
    (["rollout", "stauts", "penguins"], 2, "did you mean 'status'?"),
    (["rollout", "status", "penguins", "--to", "1"], 2, "--to is of rollback alone"),
    (["logs", "penguins"], 1, "there is no deployment 'penguins'"),
    (["logs", "penguins", "--tail", "all"], 2, "--tail all: want a number"),
])
def test_what_cannot_be_done_is_said(platform, words, code, says):
    assert says in done(platform, *words, code=code)
    assert platform.deployments() == {}


def test_deploy_waits_until_the_change_has_ended(platform):
    done(platform, "deploy", "penguins", "--version", 1)
    waiting = subprocess.Popen([BINARY, "deploy", "penguins", "--version", "2", "--wait", "--data", platform.data], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: spec(platform, "penguins")["version"] == 2)
    write_status(platform, "penguins", [revision("penguins", 2, "Shifting", 10), revision("penguins", 1, "Serving", 90)], SHIFTING)
    assert waiting.stdout.readline() == "modeldeployment/penguins configured: penguins:2 instead of 1, 1 replica\n"
    while "Shifting 10 % 1/1, penguins-1-00000001 Serving 90 % 1/1; Shifting: words" not in waiting.stdout.readline():
        assert waiting.poll() is None
    write_status(platform, "penguins", [revision("penguins", 2, "Serving", 100), revision("penguins", 1, "Kept", 0)], COMPLETE)
    assert waiting.wait(timeout=20) == 0
    assert "penguins-2-00000002 Serving 100 % 1/1" in waiting.stdout.read()
    waiting.stdout.close()


def test_a_change_that_failed_ends_with_its_cause_and_where_to_look(platform):
    done(platform, "deploy", "penguins")
    write_status(platform, "penguins", [revision("penguins", 2, "Failed", 0), revision("penguins", 1, "Serving", 100)], FAILED)
    ended = platform.slipway("deploy", "penguins", "--wait")
    assert ended.returncode == 1
    assert "deployment penguins: LoadFailed: penguins-2-00000002: no such tree; penguins-1-00000001 serves on" in ended.stderr
    assert "`slipway why penguins` says more" in ended.stderr


def test_who_waits_is_told_when_nothing_happens(platform):
    before = time.monotonic()
    ended = platform.slipway("deploy", "penguins", "--wait", "--timeout", "500ms")
    assert ended.returncode == 1 and time.monotonic() - before < 10
    assert "not complete after 500ms" in ended.stderr


def test_a_deletion_ends_the_waiting(platform):
    done(platform, "deploy", "penguins")
    waiting = subprocess.Popen([BINARY, "rollout", "status", "-w", "penguins", "--data", platform.data], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert waiting.stdout.readline()
    assert platform.ask("DELETE", f"{API}/modeldeployments/penguins")[0] == 200
    _, said = waiting.communicate(timeout=20)
    assert waiting.returncode == 1 and "deployment penguins was deleted" in said


# ---- rollout, scale


def test_rollout_status_shows_revisions_and_reasons(platform):
    done(platform, "deploy", "penguins")
    write_status(platform, "penguins", [revision("penguins", 2, "Shifting", 10, 1, 2), revision("penguins", 1, "Serving", 90)], SHIFTING)
    shown = done(platform, "rollout", "status", "penguins")
    assert re.search(r"^penguins-2-00000002 +2 +Shifting +10 % +1/2", shown, re.M), shown
    assert re.search(r"^Progressing +True +Shifting: words$", shown, re.M), shown
    assert json.loads(done(platform, "rollout", "status", "penguins", "-o", "json"))["status"]["revisions"][0]["weight"] == 10
    assert "did you mean 'penguins'?" in done(platform, "rollout", "status", "pengiuns", code=1)


def test_a_change_is_held_and_goes_on(platform):
    done(platform, "deploy", "penguins")
    assert "penguins paused" in done(platform, "rollout", "pause", "penguins")
    assert spec(platform, "penguins")["rollout"]["paused"] is True
    assert "paused already" in done(platform, "rollout", "pause", "penguins")
    write_status(platform, "penguins", [revision("penguins", 2, "Shifting", 10), revision("penguins", 1, "Serving", 90)],
                 [SHIFTING[0], condition("Progressing", "Unknown", "Paused", "paused at 10 %")])
    assert "`slipway rollout resume penguins` goes on" in done(platform, "rollout", "status", "-w", "penguins", code=1)
    assert done(platform, "rollout", "resume", "penguins") == "penguins resumed\n"
    assert spec(platform, "penguins")["rollout"]["paused"] is False


def test_rollback_goes_to_the_stable_version_during_a_change(platform):
    done(platform, "deploy", "penguins")
    write_status(platform, "penguins", [revision("penguins", 2, "Shifting", 10), revision("penguins", 1, "Serving", 90)], SHIFTING)
    assert "from version 2 to 1, at once: penguins-1-00000001 is warm" in done(platform, "rollout", "rollback", "penguins")
    assert spec(platform, "penguins")["version"] == 1


def test_rollback_goes_to_what_is_kept_warm_afterwards(platform):
    done(platform, "deploy", "penguins")
    assert "keeps no version before 2 warm" in done(platform, "rollout", "rollback", "penguins", code=1)
    write_status(platform, "penguins", [revision("penguins", 2, "Serving", 100), revision("penguins", 1, "Kept", 0)], COMPLETE)
    assert "at once" in done(platform, "rollout", "rollback", "penguins")
    assert spec(platform, "penguins")["version"] == 1
    assert "not at once" in done(platform, "rollout", "rollback", "penguins", "--to", 2)  # the status is of the spec before
    assert "there is no version 9 of penguins" in done(platform, "rollout", "rollback", "penguins", "--to", 9, code=1)


def test_scale_changes_replicas_alone(platform):
    done(platform, "deploy", "penguins")
    before = spec(platform, "penguins")
    assert done(platform, "scale", "penguins", "--replicas", 3) == "penguins scaled from 1 to 3\n"
    assert spec(platform, "penguins") == {**before, "replicas": 3}
    assert json.loads(done(platform, "scale", "penguins", "--replicas", 0, "-o", "json"))["spec"]["replicas"] == 0


# ---- status, events, predict


def test_status_shows_processes_and_deployments(platform):
    assert "no deployments" in done(platform, "status")
    done(platform, "deploy", "penguins")
    done(platform, "deploy", "iris")
    write_status(platform, "penguins", [revision("penguins", 2, "Failed", 0), revision("penguins", 1, "Serving", 100)], FAILED)
    shown = done(platform, "status")
    assert re.search(rf"^control +runs +{platform.process.pid} +https://127.0.0.1:{platform.port}$", shown, re.M), shown
    assert re.search(r"^gateway +does not run", shown, re.M), shown
    assert re.search(r"^penguins +penguins +2 +v1 100 % +1/1 +LoadFailed", shown, re.M), shown
    assert re.search(r"^iris +iris +1 +- +0/0 +Waiting", shown, re.M), shown
    seen = json.loads(done(platform, "status", "-o", "json"))
    assert [each["name"] for each in seen["processes"] if each["runs"]] == ["control"]
    assert {each["name"]: each["standing"] for each in seen["deployments"]} == {"penguins": "Failed", "iris": "Waiting"}
    assert "\x1b" not in shown  # not a terminal


def test_status_of_nothing_says_how_to_begin(tmp_path):
    from conftest import run
    ended = run("status", "--data", tmp_path / "none")
    assert ended.returncode == 1 and "nothing runs in the data folder" in ended.stdout


def test_events_that_stay_show_what_was_there_and_what_comes(platform):
    watching = subprocess.Popen([BINARY, "events", "-w", "--for", "mv/penguins-3", "--data", platform.data], stdout=subprocess.PIPE, text=True)
    done(platform, "push", MODELS["penguins"], "--name", "penguins")
    try:
        assert watching.stdout.readline().startswith("NAME")
        assert "Pushed  modelversion/penguins-3" in watching.stdout.readline()
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()
    assert platform.ask("DELETE", f"{API}/modelversions/penguins-3")[0] == 200


def test_predict_finds_the_address_of_a_deployment(platform, serve, tmp_path):
    rows = tmp_path / "rows.json"
    rows.write_text("[[39.1, 18.7, 181, 3750]]")
    server = serve({"penguins": MODELS["penguins"]})
    done(platform, "deploy", "penguins")
    write_status(platform, "penguins", [revision("penguins", 1, "Serving", 100)], COMPLETE, f"{server.url}/v2/models/penguins")
    expected = json.loads(done(platform, "predict", "penguins", "--url", server.url, "--input", rows, "-o", "json"))
    assert json.loads(done(platform, "predict", "penguins", "--input", rows, "-o", "json"))["outputs"] == expected["outputs"]


# ---- logs


REPLICA = "penguins-2-00000002-0"


@pytest.fixture
def log(platform):
    folder = platform.data / "logs"
    folder.mkdir(exist_ok=True)
    (folder / f"{REPLICA}.log").write_text("one\ntwo\nthree\n")
    (folder / f"{REPLICA}.log.1").write_text("before\n")
    yield folder / f"{REPLICA}.log"
    for file in folder.iterdir():
        file.unlink()


def test_a_log_outlives_its_replica(platform, log):
    assert done(platform, "logs", REPLICA) == "one\ntwo\nthree\n"
    assert done(platform, "logs", REPLICA, "--tail", 1) == "three\n"
    assert done(platform, "logs", REPLICA, "--previous") == "before\n"
    assert done(platform, "logs", REPLICA, "-f") == "one\ntwo\nthree\n"  # nobody writes to it any more
    assert 'pods "penguins-2-00000002-1" not found' in done(platform, "logs", "penguins-2-00000002-1", code=1)


def test_no_name_leads_out_of_the_logs(platform, log):
    (platform.data / "secret.log").write_text("secret")
    for name in ("..%2Fsecret", "%2e%2e%2fsecret", "../secret", "a/../../secret-0", "%00-0"):
        status, _, text = platform.ask("GET", f"/api/v1/namespaces/default/pods/{name}/log")
        assert status in (400, 404) and b"secret\"" not in text.replace(b"/secret", b""), (name, status, text)


def test_logs_and_pods_need_the_token(platform, log):
    for path in ("/api/v1/pods", "/api/v1/namespaces/default/pods", f"/api/v1/namespaces/default/pods/{REPLICA}/log"):
        assert platform.ask("GET", path, headers={"authorization": None})[0] == 401


# ---- Every command


@pytest.mark.parametrize("command", ["deploy", "rollout", "scale", "status", "logs"])
def test_help_shows_examples_that_parse(platform, command):
    shown = done(platform, command, "--help")
    examples = [line.strip() for line in shown.split("Examples:")[1].splitlines() if line.strip()]
    assert examples and all(each.startswith(f"slipway {command}") for each in examples)


def test_the_shell_completes_deployments(platform):
    done(platform, "deploy", "penguins")
    script = f"""
slipway() {{ {BINARY} "$@" --data {platform.data}; }}
source <({BINARY} completion bash)
COMP_WORDS=(slipway scale pen) COMP_CWORD=2
_slipway
echo "${{COMPREPLY[@]}}"
"""
    assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30).stdout == "penguins\n"
