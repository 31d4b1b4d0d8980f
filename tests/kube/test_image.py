"""Slipway's image on real nodes."""
import json


def test_it_runs_as_pod_security_asks(space, image):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "version"},
           "spec": {"restartPolicy": "Never", "automountServiceAccountToken": False,
                    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [{"name": "slipway", "image": image, "args": ["version"],
                                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}}]}}
    space.kubectl("create", "-f", "-", stdin=json.dumps(pod))
    space.wait(lambda: space.get("pods", "version", "v1")["status"].get("phase") == "Succeeded", "the pod ends well")
    assert space.kubectl("logs", "version").stdout.startswith("slipway ")
