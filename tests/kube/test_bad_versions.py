"""Versions that do not come up on a real node: the deployment names the pod's own reason, and the version before goes on serving."""
import json

import pytest
from load import check_all_right


def reasons(platform):
    return {each["reason"]: each["message"] for each in platform.space.status(platform.name).get("conditions", [])}


def says(platform, reason, *words, seconds=120):
    """Until a condition has that reason and all these words; `slipway why` has them, too."""
    found = platform.space.wait(lambda: reasons(platform).get(reason), f"a condition says {reason}", seconds)
    why = platform.space.done("why", platform.name)
    for word in words:
        assert word in found and word in why, f"{found}\n---\n{why}"


@pytest.fixture
def served(platform):
    """Version 1 serves, and goes on serving until the end."""
    platform.deploy(1, rollout={"onFailure": "pause", "deadline": "5m"})
    with platform.load(1, rate=50, connections=2) as load:
        load.wait_for(20)
        yield platform
        load.wait_for(20)
    check_all_right(load.result)


def test_a_model_that_does_not_load(served):
    """It can be read and pushed, and its server ends when it loads it."""
    version = served.space.get("modelversions", "tumour-1")
    broken = {**version["spec"], "version": 901, "format": "ONNX"}
    served.space.apply({"apiVersion": version["apiVersion"], "kind": "ModelVersion", "metadata": {"name": "tumour-901"}, "spec": broken})
    served.patch(version=901)
    served.space.wait(lambda: set(reasons(served)) & {"LoadFailed", "CrashLoop", "Exited"}, "it says that the server ends", 120)
    shown = json.dumps(reasons(served))
    assert "onnx" in shown.lower(), shown  # the server's last line


def test_a_version_whose_files_are_not_there(served):
    version = served.space.get("modelversions", "tumour-1")
    digest = "sha256:" + "1" * 64
    served.space.apply({"apiVersion": version["apiVersion"], "kind": "ModelVersion", "metadata": {"name": "tumour-902"},
                        "spec": {**version["spec"], "version": 902, "digest": digest, "artifact": f"tumour@{digest}"}})
    served.patch(version=902)
    says(served, "FetchFailed", digest[:20])


def test_a_version_whose_digest_is_not_that_of_its_artifact(served):
    version = served.space.get("modelversions", "tumour-1")
    served.space.apply({"apiVersion": version["apiVersion"], "kind": "ModelVersion", "metadata": {"name": "tumour-903"},
                        "spec": {**version["spec"], "version": 903, "digest": "sha256:" + "2" * 64}})
    served.patch(version=903)
    served.space.wait(lambda: set(reasons(served)) & {"DigestMismatch", "FetchFailed"}, "it says that the digest is another", 120)


def test_more_than_any_node_has(served):
    served.patch(version=2, resources={"cpu": "64", "memory": "64Mi"})
    says(served, "Unschedulable", "Insufficient cpu")


def test_an_image_that_no_registry_has(served):
    """As when somebody cleans a registry up: the node cannot pull what control was told to run."""
    space = served.space
    original = space.get("deployments", "slipway-control", "apps/v1")["spec"]["template"]["spec"]["containers"][0]
    key = "args" if "--image" in original.get("args", []) else "command"
    words = list(original[key])
    words[words.index("--image") + 1] = "registry.invalid/slipway@sha256:" + "3" * 64

    def run_control(words):
        container = {"name": original["name"], key: words}
        space.kubectl("patch", "deploy/slipway-control", "--type=strategic", "-p", json.dumps({"spec": {"template": {"spec": {"containers": [container]}}}}))
        space.kubectl("rollout", "status", "deploy/slipway-control", "--timeout=120s", timeout=150)
    run_control(words)
    try:
        served.patch(version=2)
        says(served, "ImagePullFailed", "registry.invalid")
    finally:
        run_control(original[key])
