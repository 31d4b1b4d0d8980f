"""kubectl writes: create, apply, diff, edit, patch, scale, label, wait, delete."""
import json
import subprocess

import pytest
import yaml
from conftest import condition
from server import deployment, version


@pytest.fixture
def manifest(tmp_path):
    def write(*objects, name="manifest.yaml"):
        path = tmp_path / name
        path.write_text("---\n".join(yaml.safe_dump(each) for each in objects))
        return path
    return write


def spec_of(kubectl, name="credit"):
    return json.loads(kubectl("get", "md", name, "-o", "json"))["spec"]


def test_create_from_standard_input_says_created_and_then_exists(kubectl, kubectl_fails):
    text = yaml.safe_dump(deployment())
    assert kubectl("create", "-f", "-", stdin=text) == "modeldeployment.slipway.dev/credit created\n"
    assert 'modeldeployments.slipway.dev "credit" already exists' in kubectl_fails("create", "-f", "-", stdin=text)


def test_create_without_a_server_side_effect_is_a_dry_run(kubectl):
    assert "created (server dry run)" in kubectl("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(deployment()))
    assert kubectl("get", "md", "-o", "name") == ""


def test_apply_creates_then_leaves_unchanged_then_configures(kubectl, manifest):
    path = manifest(version(), deployment())
    assert kubectl("apply", "-f", path).split("\n")[:2] == ["modelversion.slipway.dev/credit-1 created", "modeldeployment.slipway.dev/credit created"]
    assert kubectl("apply", "-f", path).count(" unchanged") == 2
    assert "modeldeployment.slipway.dev/credit configured" in kubectl("apply", "-f", manifest(deployment(replicas=2)))
    assert spec_of(kubectl)["replicas"] == 2


def test_apply_removes_what_the_manifest_no_longer_says(kubectl, manifest):
    kubectl("apply", "-f", manifest(deployment(replicas=4, limits={"timeout": "1s"})))
    kubectl("apply", "-f", manifest(deployment()))
    assert spec_of(kubectl)["replicas"] == 1 and "limits" not in spec_of(kubectl)


def test_apply_keeps_what_scale_wrote_where_the_manifest_is_silent(kubectl, manifest):
    kubectl("apply", "-f", manifest(deployment()))
    kubectl("scale", "md/credit", "--replicas=5")
    kubectl("apply", "-f", manifest(deployment(version=4)))
    assert spec_of(kubectl)["replicas"] == 5 and spec_of(kubectl)["version"] == 4


@pytest.mark.ours
def test_apply_on_the_server_side_is_refused_and_changes_nothing(kubectl, kubectl_fails, manifest):
    said = kubectl_fails("apply", "--server-side", "-f", manifest(deployment()))
    assert "unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json" in said
    assert kubectl("get", "md", "-o", "name") == ""


def test_apply_refuses_an_unknown_field_with_its_path_unless_told_otherwise(api, kubectl, kubectl_fails, manifest):
    path = manifest(deployment(rollout={"stratgy": "canary"}))
    assert 'unknown field "spec.rollout.stratgy"' in kubectl_fails("apply", "-f", path)
    assert kubectl("get", "md", "-o", "name") == ""
    warned = api.kubectl("apply", "--validate=warn", "-f", path)
    assert 'Warning: unknown field "spec.rollout.stratgy"' in warned.stderr and "created" in warned.stdout
    ignored = api.kubectl("create", "--validate=ignore", "-f", "-", stdin=yaml.safe_dump(deployment("other", nosuch=1)))
    assert ignored.stderr == "" and "nosuch" not in spec_of(kubectl, "other")


def test_apply_refuses_wrong_types_and_values_with_the_path_of_the_field(kubectl_fails, manifest):
    assert 'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer' in kubectl_fails("create", "-f", manifest(deployment(replicas="two")))
    assert 'spec.rollout.strategy: Unsupported value: "shadow": supported values: "immediate", "canary"' in kubectl_fails("create", "-f", manifest(deployment(rollout={"strategy": "shadow"})))
    assert "steps belong to strategy canary" in kubectl_fails("create", "-f", manifest(deployment(rollout={"steps": [{"weight": 5, "hold": "1m"}]})))


def test_diff_shows_what_would_change_and_changes_nothing(api, kubectl, manifest):
    kubectl("apply", "-f", manifest(deployment()))
    path = manifest(deployment(replicas=2), deployment("other"))
    found = api.kubectl("diff", "-f", path, ok=None)
    assert found.returncode == 1 and "-  replicas: 1" in found.stdout and "+  replicas: 2" in found.stdout and "+  name: other" in found.stdout
    assert spec_of(kubectl)["replicas"] == 1 and "other" not in kubectl("get", "md", "-o", "name")
    assert api.kubectl("diff", "-f", manifest(deployment()), ok=None).returncode == 0


def test_edit_stores_what_the_editor_leaves(api, kubectl, put_there):
    put_there(deployment())
    edited = kubectl("edit", "md", "credit", env={"EDITOR": "sed -i s/replicas:.1/replicas:\\ 6/"})
    assert edited == "modeldeployment.slipway.dev/credit edited\n" and spec_of(kubectl)["replicas"] == 6
    assert "Edit cancelled, no changes made" in api.kubectl("edit", "md", "credit", env={"EDITOR": "true"}).stderr


def test_patch_merges_and_takes_operations_and_refuses_strategic_ones(kubectl, kubectl_fails, put_there):
    put_there(deployment())
    assert "patched\n" in kubectl("patch", "md", "credit", "--type=merge", "-p", '{"spec":{"replicas":2}}')
    assert "patched (no change)" in kubectl("patch", "md", "credit", "--type=merge", "-p", '{"spec":{"replicas":2}}')
    assert "patched\n" in kubectl("patch", "md", "credit", "--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":3}]')
    assert spec_of(kubectl)["replicas"] == 3
    assert "application/strategic-merge-patch+json is not supported" in kubectl_fails("patch", "md", "credit", "-p", '{"spec":{"replicas":4}}')
    assert spec_of(kubectl)["replicas"] == 3


def test_patch_writes_status_through_its_subresource_alone(kubectl, put_there):
    put_there(deployment())
    kubectl("patch", "md", "credit", "--type=merge", "-p", '{"status":{"replicas":7}}')
    assert kubectl("get", "md", "credit", "-o", "jsonpath={.status.replicas}") == ""
    kubectl("patch", "md", "credit", "--subresource=status", "--type=merge", "-p", '{"status":{"replicas":7}}')
    assert kubectl("get", "md", "credit", "-o", "jsonpath={.status.replicas}") == "7"


def test_replace_needs_no_version_and_force_makes_anew(kubectl, put_there, manifest):
    [made] = put_there(deployment())
    assert kubectl("replace", "-f", manifest({**made, "spec": {**made["spec"], "replicas": 8}})) == "modeldeployment.slipway.dev/credit replaced\n"
    kubectl("replace", "--force", "-f", manifest(deployment(replicas=2)))
    now = json.loads(kubectl("get", "md", "credit", "-o", "json"))
    assert now["spec"]["replicas"] == 2 and now["metadata"]["uid"] != made["metadata"]["uid"]


def test_scale_writes_replicas_and_holds_to_its_preconditions(kubectl, kubectl_fails, put_there, write_status):
    put_there(deployment())
    write_status("credit", replicas=1, selector="slipway.dev/deployment=credit")
    assert kubectl("scale", "md/credit", "--replicas=3") == "modeldeployment.slipway.dev/credit scaled\n"
    assert spec_of(kubectl)["replicas"] == 3
    assert "Expected replicas to be 9, was 3" in kubectl_fails("scale", "md/credit", "--current-replicas=9", "--replicas=1")
    assert "spec.replicas" in kubectl_fails("scale", "md/credit", "--replicas=1001")
    assert kubectl("get", "md", "credit", "--subresource=scale", "-o", "jsonpath={.status.selector}") == "slipway.dev/deployment=credit"


def test_scale_of_what_cannot_scale_is_refused(kubectl_fails, put_there):
    put_there(version())
    assert kubectl_fails("scale", "mv/credit-1", "--replicas=3") != ""


def test_label_and_annotate_change_metadata_and_not_the_generation(kubectl, kubectl_fails, put_there):
    put_there(version())
    assert kubectl("label", "mv", "credit-1", "stage=live") == "modelversion.slipway.dev/credit-1 labeled\n"
    assert "already has a value" in kubectl_fails("label", "mv", "credit-1", "stage=test")
    kubectl("label", "mv", "credit-1", "stage=test", "--overwrite")
    kubectl("annotate", "mv", "credit-1", "note=a b c")
    meta = json.loads(kubectl("get", "mv", "credit-1", "-o", "json"))["metadata"]
    assert meta["labels"] == {"stage": "test"} and meta["annotations"] == {"note": "a b c"} and meta["generation"] == 1
    kubectl("label", "mv", "credit-1", "stage-")
    assert "labels" not in json.loads(kubectl("get", "mv", "credit-1", "-o", "json"))["metadata"]


def test_a_version_cannot_be_changed_but_labelled(kubectl, kubectl_fails, put_there):
    put_there(version())
    assert "a version is immutable; push a new one" in kubectl_fails("patch", "mv", "credit-1", "--type=merge", "-p", '{"spec":{"format":"GGUF"}}')
    assert "the name must be <spec.model>-<spec.version>" in kubectl_fails("create", "-f", "-", stdin=yaml.safe_dump({**version(number=2), "metadata": {"name": "credit-7"}}))


def test_wait_ends_when_the_condition_comes(api, put_there, write_status):
    put_there(deployment())
    with subprocess.Popen(api.command("wait", "md/credit", "--for=condition=Ready", "--timeout=20s"), stdout=subprocess.PIPE, text=True) as waiting:
        write_status("credit", conditions=[condition("Ready", "False")])
        write_status("credit", conditions=[condition("Ready", "True")])
        assert waiting.communicate(timeout=25)[0] == "modeldeployment.slipway.dev/credit condition met\n"


def test_wait_takes_what_is_there_already_and_times_out_otherwise(kubectl, kubectl_fails, put_there, write_status):
    put_there(deployment())
    write_status("credit", replicas=2, conditions=[condition("Serving", "True")])
    assert "condition met" in kubectl("wait", "md", "--all", "--for=condition=Serving", "--timeout=10s")
    assert "condition met" in kubectl("wait", "md/credit", "--for=jsonpath={.status.replicas}=2", "--timeout=10s")
    assert "timed out waiting for the condition" in kubectl_fails("wait", "md/credit", "--for=condition=Ready", "--timeout=1s")


def test_wait_for_deletion_and_creation(api, kubectl, put_there):
    put_there(deployment())
    with subprocess.Popen(api.command("wait", "md/credit", "--for=delete", "--timeout=20s"), stdout=subprocess.PIPE, text=True) as waiting:
        kubectl("delete", "md", "credit", "--wait=false")
        assert "condition met" in waiting.communicate(timeout=25)[0] or waiting.returncode == 0
    with subprocess.Popen(api.command("wait", "md/new", "--for=create", "--timeout=20s"), stdout=subprocess.PIPE, text=True) as waiting:
        put_there(deployment("new"))
        assert "condition met" in waiting.communicate(timeout=25)[0]


@pytest.mark.parametrize("policy", ["background", "foreground", "orphan"])
def test_delete_waits_until_it_is_gone(kubectl, put_there, policy):
    put_there(deployment())
    assert 'modeldeployment.slipway.dev "credit" deleted' in kubectl("delete", "md", "credit", f"--cascade={policy}", "--timeout=30s")
    assert kubectl("get", "md", "-o", "name") == ""


def test_delete_by_label_by_file_and_of_what_is_not_there(kubectl, kubectl_fails, put_there, manifest):
    put_there({**deployment("a"), "metadata": {"name": "a", "labels": {"old": "yes"}}}, deployment("b"), deployment("c"))
    kubectl("delete", "md", "-l", "old=yes")
    assert kubectl("get", "md", "-o", "name").split() == ["modeldeployment.slipway.dev/b", "modeldeployment.slipway.dev/c"]
    kubectl("delete", "-f", manifest(deployment("b")))
    kubectl("delete", "md", "--all")
    assert kubectl("get", "md", "-o", "name") == ""
    assert 'modeldeployments.slipway.dev "nosuch" not found' in kubectl_fails("delete", "md", "nosuch")
    assert kubectl("delete", "md", "nosuch", "--ignore-not-found") == ""
