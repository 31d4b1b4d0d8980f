"""What control makes of a deployment on a cluster, and what it does when others touch the same objects. No node is needed: these are the
objects, not their pods."""
import json
import time

import pytest
from audit import Audit
from control import Control
from server import deployment, version

KINDS = {"deployments": "apps/v1", "services": "v1", "poddisruptionbudgets": "policy/v1"}
OURS = "slipway.dev/deployment=credit"


@pytest.fixture
def control(plane):
    started = Control(plane)
    plane.apply(version(number=1), version(number=2))
    yield started
    assert started.stop() == 0, started.said()[-3000:]


def children(space, selector=OURS):
    return {kind: space.list(kind, group, selector) for kind, group in KINDS.items()}


def only(space, kind):
    found = space.list(kind, KINDS[kind], OURS)
    return found[0] if len(found) == 1 else None


@pytest.fixture
def deployed(plane, control):
    """Control has made everything of a deployment of two replicas."""
    plane.apply(deployment(version=1, replicas=2))
    plane.wait(lambda: all(len(found) == 1 for found in children(plane).values()), "one child of each kind")
    return plane


def versions_of(space):
    return {(kind, each["metadata"]["name"]): each["metadata"]["resourceVersion"] for kind, found in children(space).items() for each in found}


def test_the_children_of_a_revision_carry_its_name_and_its_owner(deployed):
    owner = deployed.get("modeldeployments", "credit")
    for found in children(deployed).values():
        meta = found[0]["metadata"]
        assert meta["name"].startswith("credit-1-")
        assert meta["labels"]["slipway.dev/revision"] == meta["name"] and meta["labels"]["app.kubernetes.io/managed-by"] == "slipway"
        assert [(each["uid"], each["controller"], each["blockOwnerDeletion"]) for each in meta["ownerReferences"]] == [(owner["metadata"]["uid"], True, True)]
        assert {each["manager"] for each in meta["managedFields"] if each["operation"] == "Apply"} == {"slipway"}


def test_pod_security_admits_its_pods(deployed):
    """The namespace enforces `restricted`: pods that it refused would not be there, pending for want of a node."""
    deployed.wait(lambda: len(deployed.pods(OURS)) == 2, "two pods")
    for pod in deployed.pods(OURS):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False and spec["serviceAccountName"] == "slipway-model"
        assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in spec["containers"] + spec["initContainers"])
        assert not any("serviceAccountToken" in json.dumps(each) for each in spec["volumes"])


def test_nothing_is_written_when_nothing_happens(deployed, control):
    deployed.wait(lambda: deployed.condition("credit", "Ready").get("reason") == "Unschedulable", "it says that no node takes its pods", 60)
    time.sleep(3)  # what was still on its way: events, the cluster's own controllers
    before, since = versions_of(deployed), Audit(deployed.cluster)
    time.sleep(12)
    assert versions_of(deployed) == before
    assert {each["resource"] for each in since.writes()} <= {"leases"}, since.writes()


def test_a_child_that_someone_deletes_is_made_anew(deployed):
    for kind, group in KINDS.items():
        old = only(deployed, kind)["metadata"]
        deployed.kubectl("delete", kind, old["name"])
        new = deployed.wait(lambda kind=kind: only(deployed, kind), f"the {kind} is there again")
        assert new["metadata"]["uid"] != old["uid"] and new["metadata"]["name"] == old["name"]


def test_our_fields_are_forced_back_and_foreign_ones_stay(deployed):
    name = only(deployed, "deployments")["metadata"]["name"]
    deployed.kubectl("annotate", f"deploy/{name}", "team.example/cost-centre=42")
    deployed.kubectl("label", f"deploy/{name}", "team.example/tier=gold")
    deployed.patch("deployments", name, {"spec": {"template": {"metadata": {"annotations": {"mesh.example/inject": "true"}}}}}, "apps/v1")
    deployed.kubectl("scale", f"deploy/{name}", "--replicas=7")
    deployed.wait(lambda: only(deployed, "deployments")["spec"]["replicas"] == 2, "the replicas are those of the ModelDeployment again")
    meta, template = (found := only(deployed, "deployments"))["metadata"], found["spec"]["template"]
    assert meta["annotations"]["team.example/cost-centre"] == "42" and meta["labels"]["team.example/tier"] == "gold"
    assert template["metadata"]["annotations"]["mesh.example/inject"] == "true"


@pytest.fixture
def mesh(plane):
    """A policy of the cluster that adds a sidecar to every Deployment of this namespace with each write, as an injector does."""
    name = f"{plane.name}-mesh"
    sidecar = ('Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: '
               '[Object.spec.template.spec.containers{name: "proxy", image: "docker.io/library/proxy:1"}]}}}}')
    plane.apply({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
                 "spec": {"failurePolicy": "Fail", "reinvocationPolicy": "Never",
                          "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                                                                  "resources": ["deployments"]}]},
                          "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": sidecar}}]}},
                {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name},
                 "spec": {"policyName": name, "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": plane.name}}}}})
    plane.cleanups.append(lambda: plane.cluster.kubectl("delete", "mutatingadmissionpolicy,mutatingadmissionpolicybinding", name))
    plane.wait(lambda: "proxy:1" in plane.kubectl("create", "deployment", "any", "--image=any:1", "--dry-run=server", "-o", "yaml").stdout, "the policy is in force")


def test_a_mesh_that_adds_a_sidecar_with_each_write_starts_no_war(mesh, deployed):
    containers = only(deployed, "deployments")["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in containers] == ["server", "proxy"]
    time.sleep(3)
    before, since = only(deployed, "deployments")["metadata"]["generation"], Audit(deployed.cluster)
    time.sleep(6)
    assert only(deployed, "deployments")["metadata"]["generation"] == before
    assert [each for each in since.writes() if each["resource"] == "deployments"] == []


def test_scaling_the_model_scales_what_runs(deployed):
    deployed.kubectl("scale", "md/credit", "--replicas=3")
    deployed.wait(lambda: only(deployed, "deployments")["spec"]["replicas"] == 3, "three replicas are wanted")


def test_an_autoscaler_takes_hold_of_the_model(deployed):
    """Without metrics it can only see to its own minimum; for that it needs /scale, its selector and its write."""
    deployed.kubectl("autoscale", "md/credit", "--min=3", "--max=5", "--cpu=50%")
    deployed.wait(lambda: only(deployed, "deployments")["spec"]["replicas"] == 3, "the autoscaler's minimum has reached what runs", 60)
    hpa = deployed.get("horizontalpodautoscalers", "credit", "autoscaling/v2")
    assert next(each for each in hpa["status"]["conditions"] if each["type"] == "AbleToScale")["status"] == "True"


def test_whatever_is_deleted_takes_its_children_along(deployed):
    deployed.kubectl("delete", "md", "credit")
    deployed.wait(lambda: not any(children(deployed).values()), "the cluster has collected the children")


def test_an_orphan_of_ours_is_adopted(plane, control):
    """Nobody owns it, and it carries our labels: as after its deployment was deleted and made anew while nobody looked."""
    plane.apply(deployment(version=1))
    name = plane.wait(lambda: only(plane, "deployments"), "the Deployment")["metadata"]["name"]
    control.stop()
    plane.kubectl("delete", "md", "credit", "--cascade=orphan")
    plane.wait(lambda: "ownerReferences" not in only(plane, "deployments")["metadata"], "it is an orphan")
    uid = only(plane, "deployments")["metadata"]["uid"]
    plane.apply(deployment(version=1))
    again = Control(plane)
    plane.wait(lambda: "ownerReferences" in (found := only(plane, "deployments")["metadata"]) and found["uid"] == uid, f"{name} is adopted")
    assert only(plane, "deployments")["metadata"]["ownerReferences"][0]["uid"] == plane.get("modeldeployments", "credit")["metadata"]["uid"]
    assert again.stop() == 0, again.said()[-3000:]


def test_what_belongs_to_another_controller_is_left_alone_and_named(plane, control):
    plane.apply(deployment(version=1))
    found = plane.wait(lambda: only(plane, "deployments"), "the Deployment")
    name = found["metadata"]["name"]
    plane.kubectl("delete", "md", "credit")
    plane.wait(lambda: only(plane, "deployments") is None, "it has gone")
    plane.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stranger"}})
    stranger = plane.get("configmaps", "stranger", "v1")["metadata"]["uid"]
    labels = {"app": "theirs"}
    plane.apply({"apiVersion": "apps/v1", "kind": "Deployment",
                 "metadata": {"name": name, "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "stranger", "uid": stranger, "controller": True}]},
                 "spec": {"replicas": 0, "selector": {"matchLabels": labels},
                          "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "docker.io/library/theirs:1"}]}}}})
    plane.apply(deployment(version=1))
    said = plane.wait(lambda: next((each for each in plane.status("credit").get("conditions", []) if each["reason"] == "NameTaken"), None), "NameTaken")
    assert name in said["message"]
    theirs = plane.get("deployments", name, "apps/v1")
    assert theirs["spec"]["selector"]["matchLabels"] == labels and len(theirs["metadata"]["ownerReferences"]) == 1
