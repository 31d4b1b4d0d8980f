"""The commands about deployments, against the whole platform: what they write, what they show, how they end."""
import json
import os
import re
import subprocess

import pytest
from conftest import BINARY, ROOT, run, wait_until
from control import API
from machine import Machine

KUBECTL = ROOT / ".deps" / "kubectl" / "bin" / "kubectl"
PODS = "/api/v1/namespaces/default/pods"
ROWS = ROOT / "examples" / "tumour.csv"


@pytest.fixture(scope="module")
def shared():
    """One platform, and two versions of one model."""
    platform = Machine()
    try:
        platform.push_salted(2)
        yield platform
        platform.down()
    finally:
        platform.remove()


@pytest.fixture
def platform(shared):
    """With nothing deployed, at the beginning and at the end."""
    yield shared
    assert shared.ask("DELETE", f"{API}/modeldeployments")[0] == 200
    wait_until(lambda: shared.replicas() == {})


@pytest.fixture
def serving(platform):
    """With version 1 serving everything, on one replica."""
    done(platform, "deploy", "tumour", "--version", 1, "--wait")
    platform.wait_at(1)
    return platform


def done(platform, *words, code=0, **more):
    ended = platform.slipway(*words, **more)
    assert ended.returncode == code, ended
    return ended.stdout if code == 0 else ended.stderr


def start(platform, *words):
    return subprocess.Popen([BINARY, *map(str, words), "--data", platform.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def spec(platform, name="tumour"):
    return platform.get(f"{API}/modeldeployments/{name}")["spec"]


def deployments(platform):
    return [item["metadata"]["name"] for item in platform.get(f"{API}/modeldeployments")["items"]]


def line_with(process, text):
    """Reads on to a line that holds the text."""
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"no line with {text}: {process.stderr.read()}")


def stop(process):
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()


# ---- deploy


def test_deploy_takes_the_model_of_its_name_and_the_highest_version(platform):
    assert done(platform, "deploy", "tumour", "--no-wait") == "modeldeployment/tumour created: tumour:2, 1 replica\n"
    assert spec(platform)["version"] == 2


def test_deploy_changes_what_is_named_and_keeps_the_rest(platform):
    done(platform, "deploy", "scoring", "--model", "tumour", "--version", 1, "--replicas", 0, "--steps", "1:2m,50:1m", "--keep", "90s")
    before = spec(platform, "scoring")
    assert before["replicas"] == 0 and before["rollout"]["strategy"] == "canary" and before["rollout"]["keep"] == "1m30s"
    assert before["rollout"]["steps"] == [{"weight": 1, "hold": "2m"}, {"weight": 50, "hold": "1m"}]
    assert done(platform, "deploy", "scoring") == "modeldeployment/scoring configured: tumour:2 instead of 1, 0 replicas\n"
    assert spec(platform, "scoring") == {**before, "version": 2}
    assert done(platform, "deploy", "scoring").startswith("modeldeployment/scoring unchanged")
    done(platform, "deploy", "scoring", "--strategy", "immediate")
    assert "steps" not in spec(platform, "scoring")["rollout"]
    assert json.loads(done(platform, "deploy", "scoring", "-o", "json"))["version"] == 2


@pytest.mark.parametrize("words, code, says", [
    (["deploy", "tumuor"], 1, "there is no model tumuor; did you mean 'tumour'?"),
    (["deploy", "tumour", "--version", "7"], 1, "there is no version 7 of tumour"),
    (["deploy", "tumour", "--version", "first"], 2, "--version first: want a number from 1"),
    (["deploy", "tumour", "--replicas", "-1"], 2, "--replicas -1: want a number from 0 to 1000"),
    (["deploy", "tumour", "--steps", "10"], 2, "want PERCENT:TIME"),
    (["deploy", "tumour", "--steps", "10:1m", "--strategy", "immediate"], 2, "--steps belong to --strategy canary"),
    (["deploy", "tumour", "--strategy", "blueGreen"], 2, "it is one of immediate, canary"),
    (["deploy", "tumour", "--replica", "2"], 2, "did you mean --replicas?"),
    (["deploy", "tumour", "--wait", "--no-wait"], 2, "say one of them"),
    (["deploy", "Tumour", "--model", "tumour"], 1, "metadata.name"),
    (["deploy"], 2, "NAME"),
    (["scale", "tumour", "--replicas", "1"], 1, "there is no deployment 'tumour'; there is none yet"),
    (["rollout", "stauts", "tumour"], 2, "did you mean 'status'?"),
    (["rollout", "status", "tumour", "--to", "1"], 2, "--to is of rollback alone"),
    (["logs", "tumour"], 1, "there is no deployment 'tumour'"),
    (["logs", "tumour", "--tail", "all"], 2, "--tail all: want a number"),
    (["why", "tumour"], 1, "there is no deployment 'tumour'"),
])
def test_what_cannot_be_done_is_said(platform, words, code, says):
    assert says in done(platform, *words, code=code)
    assert deployments(platform) == []


def test_deploy_shows_the_change_until_it_has_ended(serving):
    shown = done(serving, "deploy", "tumour", "--version", 2, "--wait")
    first, *changes = shown.splitlines()
    assert first == "modeldeployment/tumour configured: tumour:2 instead of 1, 1 replica"
    assert any(re.search(r"tumour-2-\w+ Loading 0 % 0/1", line) for line in changes), shown
    assert re.search(r"^ +[\d.]+s  .*tumour-2-\w+ Serving 100 % 1/1; Ready: ", changes[-1]), shown
    assert serving.predict()[0] == 200 and "\x1b" not in shown


def test_a_change_is_shown_to_programs_a_document_a_line(serving):
    documents = [json.loads(line) for line in done(serving, "deploy", "tumour", "--version", 2, "--wait", "-o", "json").splitlines()]
    assert len(documents) > 1 and documents[-1]["standing"] == "Complete"
    assert all(sum(each["weight"] for each in document["status"]["revisions"]) == 100 for document in documents)


def test_a_change_that_cannot_be_ends_with_its_cause_and_where_to_look(serving):
    serving.patch({"version": 99})
    ended = serving.slipway("rollout", "status", "-w", "tumour")
    assert ended.returncode == 1 and "deployment tumour: VersionNotFound: " in ended.stderr and "serves on" in ended.stderr
    assert "`slipway why tumour` says more" in ended.stderr
    why = json.loads(done(serving, "why", "tumour", "-o", "json"))
    assert why["verdict"] == "wrong" and why["causes"][0]["reason"] == "VersionNotFound", why
    shown = done(serving, "why", "tumour")
    assert shown.startswith("wrong: ") and "\n1. VersionNotFound: " in shown and "   next: " in shown and "   - modeldeployment/tumour " in shown
    assert serving.predict()[0] == 200


def test_why_says_that_all_is_well(serving):
    assert done(serving, "why", "tumour").startswith("well: ")


def test_who_waits_is_told_when_it_takes_too_long(serving):
    waiting = start(serving, "deploy", "tumour", "--version", 2, "--steps", "10:10m", "--wait", "--timeout", "3s")
    _, said = waiting.communicate(timeout=30)
    assert waiting.returncode == 1 and "not complete after 3s: Shifting: " in said


def test_a_deletion_ends_the_waiting(serving):
    waiting = start(serving, "deploy", "tumour", "--version", 2, "--steps", "10:10m", "--wait")
    line_with(waiting, "Shifting 10 %")
    assert serving.ask("DELETE", f"{API}/modeldeployments/tumour")[0] == 200
    _, said = waiting.communicate(timeout=20)
    assert waiting.returncode == 1 and "deployment tumour was deleted" in said


def test_who_waits_goes_on_when_control_comes_back(serving):
    waiting = start(serving, "deploy", "tumour", "--version", 2, "--steps", "10:3s", "--wait")
    line_with(waiting, "Shifting 10 %")
    serving.kill(serving.pid("control"))
    shown, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, said
    assert "Serving 100 % 1/1; Ready: " in shown
    serving.read_access(serving.data / "kubeconfig")


# ---- rollout, scale


def test_a_change_is_held_and_goes_on(serving):
    done(serving, "deploy", "tumour", "--version", 2, "--steps", "10:1s,50:10m")
    wait_until(lambda: "Shifting" in done(serving, "rollout", "status", "tumour"))
    assert "tumour paused" in done(serving, "rollout", "pause", "tumour")
    assert "paused already" in done(serving, "rollout", "pause", "tumour")
    wait_until(lambda: serving.condition("Progressing")["reason"] == "Paused")
    assert "`slipway rollout resume tumour` goes on" in done(serving, "rollout", "status", "-w", "tumour", code=1)
    assert json.loads(done(serving, "rollout", "status", "tumour", "-o", "json"))["standing"] == "Paused"
    assert done(serving, "rollout", "resume", "tumour") == "tumour resumed\n"
    wait_until(lambda: any(each["weight"] == 50 for each in serving.revisions().values()))


def test_rollback_goes_to_the_stable_version_during_a_change(serving):
    done(serving, "deploy", "tumour", "--version", 2, "--steps", "10:10m")
    wait_until(lambda: any(each["weight"] == 10 for each in serving.revisions().values()))
    shown = done(serving, "rollout", "rollback", "tumour", "--wait")
    assert "from version 2 to 1, at once: tumour-1-" in shown and spec(serving)["version"] == 1
    serving.wait_at(1)


def test_rollback_goes_to_what_is_kept_warm_afterwards(serving):
    assert "keeps no version before 1 warm" in done(serving, "rollout", "rollback", "tumour", code=1)
    done(serving, "deploy", "tumour", "--version", 2, "--keep", "10m", "--wait")
    before = serving.replicas()
    assert "from version 2 to 1, at once: tumour-1-" in done(serving, "rollout", "rollback", "tumour", "--wait")
    serving.wait_at(1)
    assert serving.replicas() == before, "nothing had to start"
    assert "wants version 1 already" in done(serving, "rollout", "rollback", "tumour", "--to", 1, code=1)
    assert "there is no version 9 of tumour" in done(serving, "rollout", "rollback", "tumour", "--to", 9, code=1)


def test_rollback_says_when_it_is_an_ordinary_change(serving):
    assert "from version 1 to 2, not at once" in done(serving, "rollout", "rollback", "tumour", "--to", 2)


def test_scale_changes_replicas_alone(serving):
    before = spec(serving)
    assert done(serving, "scale", "tumour", "--replicas", 2) == "tumour scaled from 1 to 2\n"
    assert spec(serving) == {**before, "replicas": 2}
    done(serving, "rollout", "status", "-w", "tumour")
    assert len(serving.replicas()) == 2
    assert json.loads(done(serving, "scale", "tumour", "--replicas", 0, "-o", "json"))["spec"]["replicas"] == 0


# ---- status, events, predict


def test_status_shows_processes_deployments_and_traffic(serving):
    shown = done(serving, "status")
    for part in ("supervisor", "control", "gateway"):
        assert re.search(rf"^{part} +runs +{serving.pid(part)} ", shown, re.M), shown
    assert serving.url in shown and "replicas are held to their limits by " in shown
    assert re.search(r"^tumour +tumour +1 +v1 100 % +1/1 +Ready ", shown, re.M), shown
    with serving.load(["tumour-1-"]) as load:
        load.wait_for(100)
        seen = json.loads(done(serving, "status", "-o", "json"))
    assert [each["name"] for each in seen["processes"] if each["runs"]] == ["supervisor", "control", "gateway"]
    assert seen["deployments"][0]["standing"] == "Complete" and seen["deployments"][0]["replicas"] == {"ready": 1, "desired": 1}
    assert seen["deployments"][0]["traffic"]["perSecond"] > 10 and 0 < seen["deployments"][0]["traffic"]["p50Seconds"] < 1


def test_status_that_stays_looks_again(serving):
    watching = start(serving, "status", "-w", "-o", "json")
    try:
        assert json.loads(watching.stdout.readline())["deployments"][0]["version"] == 1
        done(serving, "scale", "tumour", "--replicas", 2)
        line_with(watching, '"ready":2')
    finally:
        stop(watching)


def test_status_of_nothing_says_how_to_begin(tmp_path):
    ended = run("status", "--data", tmp_path / "none")
    assert ended.returncode == 1 and "nothing runs in the data folder" in ended.stdout


def test_events_that_stay_show_what_was_there_and_what_comes(serving):
    watching = start(serving, "events", "-w", "--for", "md/tumour")
    try:
        assert watching.stdout.readline().startswith("NAME")
        line_with(watching, "modeldeployment/tumour")
        done(serving, "deploy", "tumour", "--version", 2, "--wait")
        assert "tumour-2-" in line_with(watching, "RolloutComplete")
    finally:
        stop(watching)


def test_predict_finds_the_address_of_a_deployment(serving):
    at_it = serving.slipway("predict", "tumour", "--input", ROWS, "-o", "json")
    assert at_it.returncode == 0, at_it.stderr
    named = serving.slipway("predict", "tumour", "--url", serving.url, "--input", ROWS, "-o", "json")
    assert json.loads(at_it.stdout)["outputs"] == json.loads(named.stdout)["outputs"]


def test_predict_says_what_was_probably_meant(serving):
    said = done(serving, "predict", "tumuor", "--input", ROWS, code=1)
    assert "there is no deployment 'tumuor'; did you mean 'tumour'?" in said


# ---- Replicas and their logs


def kubectl(platform, *words):
    ended = subprocess.run([KUBECTL, "--kubeconfig", platform.data / "kubeconfig", *map(str, words)], capture_output=True, text=True, timeout=60,
                           env={**os.environ, "HOME": str(platform.folder), "KUBERC": "off"})
    assert ended.returncode == 0, ended
    return ended.stdout


def test_kubectl_sees_replicas_as_pods_and_reads_their_logs(serving):
    (replica,) = serving.replicas()
    assert re.search(rf"^{replica} +1/1 +Running +0$", kubectl(serving, "get", "pods"), re.M)
    assert kubectl(serving, "get", "pods", "-l", "slipway.dev/deployment=tumour", "-o", "name") == f"pod/{replica}\n"
    log = (serving.data / "logs" / f"{replica}.log").read_text()
    assert log and kubectl(serving, "logs", replica) == log
    assert kubectl(serving, "logs", replica, "--tail=1", "--since=1h") == log.splitlines(keepends=True)[-1]
    assert log in kubectl(serving, "logs", "-l", "slipway.dev/deployment=tumour", "--tail=-1")


def test_logs_are_by_deployment_or_by_replica(serving):
    done(serving, "scale", "tumour", "--replicas", 2, "--wait")
    first, second = sorted(serving.replicas())
    shown = done(serving, "logs", "tumour")
    assert f"[{first}] " in shown and f"[{second}] " in shown
    one = (serving.data / "logs" / f"{second}.log").read_text()
    assert done(serving, "logs", "tumour", "--replica", 1) == one == done(serving, "logs", second)
    assert done(serving, "logs", second, "--tail", 1) == one.splitlines(keepends=True)[-1]
    assert "there is no replica '7'; there are " in done(serving, "logs", "tumour", "--replica", 7, code=1)


def test_who_follows_a_log_sees_what_comes_and_its_end(serving):
    (replica,) = serving.replicas()
    following = start(serving, "logs", "tumour", "-f", "--tail", 1)
    assert following.stdout.readline()
    with open(serving.data / "logs" / f"{replica}.log", "a") as log:
        log.write("something new\n")
    assert following.stdout.readline() == "something new\n"
    done(serving, "scale", "tumour", "--replicas", 0)
    following.communicate(timeout=30)
    assert following.returncode == 0, "it ends with its replica"
    assert "something new\n" in done(serving, "logs", replica), "a log outlives its replica"


def test_no_name_leads_out_of_the_logs(platform):
    (platform.data / "stray.log").write_text("not for you")
    for name in ("..%2Fstray", "%2e%2e%2fstray", "control", "gateway", "%00-0"):
        status, _, text = platform.ask("GET", f"{PODS}/{name}/log")
        assert status in (400, 404) and b"not for you" not in text, (name, status, text)


def test_pods_and_logs_need_the_token(platform):
    for path in ("/api/v1/pods", PODS, f"{PODS}/tumour-1-00000000-0/log"):
        assert platform.ask("GET", path, headers={"authorization": None})[0] == 401


# ---- Every command


@pytest.mark.parametrize("command", ["deploy", "rollout", "scale", "status", "logs", "why"])
def test_help_shows_complete_examples(command):
    shown = run(command, "--help")
    examples = [line.strip() for line in shown.stdout.split("Examples:")[1].splitlines() if line.strip()]
    assert shown.returncode == 0 and examples and all(each.startswith(f"slipway {command}") for each in examples)


def test_the_shell_completes_deployments(platform):
    done(platform, "deploy", "tumour", "--replicas", 0, "--no-wait")
    script = f"""
slipway() {{ {BINARY} "$@" --data {platform.data}; }}
source <({BINARY} completion bash)
COMP_WORDS=(slipway scale tum) COMP_CWORD=2
_slipway
echo "${{COMPREPLY[@]}}"
"""
    assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30).stdout == "tumour\n"
