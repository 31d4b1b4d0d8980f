"""Pods that cannot be: the deployment says why, in the words of whoever refused, and so does `slipway why`."""
import json

import pytest
from cluster import restricted_pod
from control import Control
from server import deployment, version


@pytest.fixture
def control(plane):
    started = Control(plane)
    plane.apply(version(number=1))
    yield started
    assert started.stop() == 0, started.said()[-3000:]


def says(space, reason, seconds=60):
    """Waits until a condition has that reason -> its message."""
    def found():
        return next((each["message"] for each in space.status("credit").get("conditions", []) if each["reason"] == reason), None)
    return space.wait(found, f"a condition says {reason}", seconds)


def explained(space, reason, *words):
    message = says(space, reason)
    why = space.done("why", "credit")
    assert all(word in message for word in words), message
    assert reason in why and all(word in why for word in words), why


def test_no_node_takes_them(plane, control):
    plane.apply(deployment(version=1))
    explained(plane, "Unschedulable", "no nodes available")


def test_the_quota_is_used_up(plane, control):
    plane.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": {"pods": "0"}}})
    plane.wait(lambda: "hard" in plane.get("resourcequotas", "team", "v1").get("status", {}), "the quota counts")
    plane.apply(deployment(version=1))
    explained(plane, "QuotaExceeded", "team", "pods")


def test_a_policy_of_the_cluster_refuses_them(plane, control):
    """As Pod Security would, if our pods were not what it asks for."""
    name = f"{plane.name}-no-pods"
    rule = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
            "spec": {"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]},
                     "validations": [{"expression": "false", "message": "pods need the label team.example/approved"}]}}
    binding = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
               "spec": {"policyName": name, "validationActions": ["Deny"],
                        "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": plane.name}}}}}
    plane.apply(rule, binding)
    plane.cleanups.append(lambda: plane.cluster.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name))

    def refuses():
        pod = json.dumps(restricted_pod("any", "docker.io/library/any:1"))
        return "team.example/approved" in plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=pod, ok=None).stderr
    plane.wait(refuses, "the policy is in force")
    plane.apply(deployment(version=1))
    explained(plane, "PodRefused", "team.example/approved")
