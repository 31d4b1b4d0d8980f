"""kubectl reads: get in each form, lists, watches, describe, explain, discovery."""
import json
import re
import subprocess
import time

import yaml
from conftest import condition
from server import deployment, version, wait_until


def labelled(name, **labels):
    made = deployment(name)
    return {**made, "metadata": {"name": name, "labels": labels}}


def names(text):
    return [line.split("/")[-1] for line in text.split()]


def test_get_prints_the_columns_of_the_definition(kubectl, put_there, write_status):
    put_there(deployment())
    write_status("credit", replicas=2, conditions=[condition("Ready", "True"), condition("Serving", "True")])
    head, row = kubectl("get", "modeldeployments").splitlines()
    assert head.split() == ["NAME", "MODEL", "VERSION", "READY", "SERVING", "REPLICAS", "AGE"]
    assert row.split()[:6] == ["credit", "credit", "3", "True", "True", "2"]


def test_get_wide_adds_the_columns_of_lower_priority(kubectl, put_there):
    put_there(deployment())
    assert kubectl("get", "md", "-o", "wide").splitlines()[0].split() == [
        "NAME", "MODEL", "VERSION", "READY", "SERVING", "REPLICAS", "DESIRED", "REASON", "URL", "AGE"]


def test_get_takes_singular_short_and_full_names_and_the_category(kubectl, put_there):
    put_there(version(), deployment())
    for word in ("modelversion", "mv", "modelversions.slipway.dev", "modelversions.v1alpha1.slipway.dev"):
        assert names(kubectl("get", word, "-o", "name")) == ["credit-1"]
    assert sorted(kubectl("get", "slipway", "-o", "name").split()) == ["modeldeployment.slipway.dev/credit", "modelversion.slipway.dev/credit-1"]


def test_get_as_json_yaml_and_by_template_show_the_object(kubectl, put_there):
    put_there(deployment())
    assert json.loads(kubectl("get", "md", "credit", "-o", "json"))["spec"]["version"] == 3
    assert yaml.safe_load(kubectl("get", "md/credit", "-o", "yaml"))["spec"]["rollout"]["strategy"] == "immediate"
    assert kubectl("get", "md", "credit", "-o", "jsonpath={.spec.model}:{.metadata.namespace}") == "credit:default"
    assert kubectl("get", "md", "-o", "custom-columns=N:.metadata.name,V:.spec.version").split() == ["N", "V", "credit", "3"]
    assert kubectl("get", "md", "-o", "go-template={{range .items}}{{.metadata.name}}{{end}}") == "credit"


def test_get_of_all_namespaces_shows_the_namespace(kubectl, put_there):
    put_there(deployment())
    head, row = kubectl("get", "md", "-A").splitlines()
    assert head.split()[:2] == ["NAMESPACE", "NAME"] and row.split()[:2] == ["default", "credit"]


def test_get_sorts_and_shows_labels(kubectl, put_there):
    put_there(labelled("a", tier="2"), labelled("b", tier="1"))
    assert names(kubectl("get", "md", "--sort-by=.metadata.labels.tier", "-o", "name")) == ["b", "a"]
    assert "tier=2" in kubectl("get", "md", "a", "--show-labels")
    assert kubectl("get", "md", "b", "-L", "tier").splitlines()[0].split()[-1] == "TIER"


def test_get_selects_by_labels_equal_and_in_sets(kubectl, put_there):
    put_there(labelled("a", team="risk", tier="gold"), labelled("b", team="ads"), labelled("c"))
    for selector, expected in {"team=risk": ["a"], "team==ads": ["b"], "team!=risk": ["b", "c"], "team in (risk,ads)": ["a", "b"],
                               "team notin (risk)": ["b", "c"], "team": ["a", "b"], "!team": ["c"], "team,tier=gold": ["a"]}.items():
        assert names(kubectl("get", "md", "-l", selector, "-o", "name")) == expected, selector


def test_get_selects_by_name_and_refuses_other_fields(kubectl, kubectl_fails, put_there):
    put_there(deployment("a"), deployment("b"))
    assert names(kubectl("get", "md", "--field-selector", "metadata.name=b", "-o", "name")) == ["b"]
    assert names(kubectl("get", "md", "--field-selector", "metadata.name!=b,metadata.namespace=default", "-o", "name")) == ["a"]
    assert "field label not supported: spec.model" in kubectl_fails("get", "md", "--field-selector", "spec.model=credit")


def test_get_in_chunks_shows_all_once(api, kubectl, put_there):
    put_there(*(deployment(f"m{i}") for i in range(7)))
    asked = api.kubectl("get", "md", "--chunk-size=3", "-o", "name", "-v=8")
    assert names(asked.stdout) == [f"m{i}" for i in range(7)]
    assert asked.stderr.count("continue=") >= 2


def test_get_of_nothing_and_of_what_is_not_there_say_so(api, kubectl_fails):
    assert "No resources found in default namespace." in api.kubectl("get", "md").stderr
    assert kubectl_fails("get", "md", "nosuch") == 'Error from server (NotFound): modeldeployments.slipway.dev "nosuch" not found\n'
    assert "the server doesn't have a resource type \"nosuch\"" in kubectl_fails("get", "nosuch")


def lines_of(command, count, act, seconds=20):
    """The first lines that a kubectl command prints, while act() happens."""
    with subprocess.Popen([*command, f"--request-timeout={seconds}s"], stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = [process.stdout.readline()]
            act()
            end = time.monotonic() + seconds
            while len(lines) < count and time.monotonic() < end:
                lines.append(process.stdout.readline())
            return lines
        finally:
            process.kill()


def test_get_watch_prints_a_row_for_each_change(api, kubectl, put_there):
    put_there(deployment("a"))

    def change():
        kubectl("scale", "md/a", "--replicas=3")
        kubectl("delete", "md", "a")

    lines = lines_of(api.command("get", "md", "--watch", "-o", "wide", "--output-watch-events"), 4, change)
    assert lines[0].split()[:4] == ["EVENT", "NAME", "MODEL", "VERSION"]
    assert [line.split()[:4] for line in lines[1:]] == [["ADDED", "a", "credit", "3"], ["MODIFIED", "a", "credit", "3"], ["DELETED", "a", "credit", "3"]]


def test_get_watch_only_of_one_name_shows_that_one(api, kubectl, put_there):
    put_there(deployment("a"), deployment("b"))

    def change():
        kubectl("label", "md", "b", "x=y")
        kubectl("label", "md", "a", "x=y")

    lines = lines_of(api.command("get", "md", "a", "--watch", "-o", "name"), 2, change)
    assert lines == ["modeldeployment.slipway.dev/a\n"] * 2


def event_of(involved):
    meta = involved["metadata"]
    return {"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{meta['name']}.{meta['uid'][:8]}", "namespace": "default"},
            "involvedObject": {"apiVersion": involved["apiVersion"], "kind": involved["kind"], "name": meta["name"], "namespace": "default", "uid": meta["uid"]},
            "reason": "RolloutStarted", "message": "version 3 starts", "type": "Normal", "count": 1, "source": {"component": "slipway"},
            "firstTimestamp": "2026-01-02T03:04:05Z", "lastTimestamp": "2026-01-02T03:04:05Z"}


def test_describe_shows_the_object_and_its_events(api, kubectl, put_there):
    [made] = put_there(deployment())
    assert api.ask("POST", "/api/v1/namespaces/default/events", event_of(made))[0] == 201
    shown = wait_until(lambda: (text := kubectl("describe", "md", "credit")) and "RolloutStarted" in text and text, "the event is described")
    assert "Strategy:    immediate" in shown and "version 3 starts" in shown
    assert "RolloutStarted" in kubectl("events", "--for", "modeldeployment/credit")
    assert "RolloutStarted" in kubectl("get", "events", "--field-selector", f"involvedObject.uid={made['metadata']['uid']}")


def test_describe_without_events_says_none(kubectl, put_there):
    put_there(version())
    assert re.search(r"^Events:\s+<none>$", kubectl("describe", "mv", "credit-1"), re.MULTILINE)


def test_explain_shows_fields_types_and_descriptions(kubectl):
    shown = kubectl("explain", "modeldeployment.spec.rollout")
    assert "strategy" in shown and "<string>" in shown and "enum: immediate, canary" in shown
    assert "How a change of version reaches the callers." in shown
    assert "digest\t<string> -required-" in kubectl("explain", "mv.spec")
    assert "steps\t<[]Object>" in kubectl("explain", "md", "--recursive")


def test_api_resources_lists_ours_with_short_names_and_verbs(kubectl):
    rows = {line.split()[0]: line for line in kubectl("api-resources", "--api-group=slipway.dev", "-o", "wide").splitlines()}
    for plural, short in {"modeldeployments": "md", "modelversions": "mv"}.items():
        assert f" {short} " in rows[plural] and "slipway.dev/v1alpha1" in rows[plural]
        for verb in ("create", "delete", "get", "list", "patch", "update", "watch"):
            assert verb in rows[plural]


def test_api_versions_and_version_answer(kubectl):
    assert "slipway.dev/v1alpha1" in kubectl("api-versions").split()
    assert json.loads(kubectl("version", "-o", "json"))["serverVersion"]["major"] == "1"


def test_raw_paths_and_the_namespace_are_readable(kubectl):
    assert json.loads(kubectl("get", "--raw", "/apis/slipway.dev/v1alpha1"))["kind"] == "APIResourceList"
    assert kubectl("get", "--raw", "/readyz") == "ok"
    assert kubectl("get", "namespace", "default", "-o", "jsonpath={.status.phase}") == "Active"
