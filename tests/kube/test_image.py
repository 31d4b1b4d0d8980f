"""Slipway's image on real nodes."""
from cluster import restricted_pod


def test_it_runs_as_pod_security_asks(space, image):
    space.apply(restricted_pod("version", image, "version"))
    space.wait(lambda: space.get("pods", "version", "v1")["status"].get("phase") == "Succeeded", "the pod ends well")
    assert space.kubectl("logs", "version").stdout.startswith("slipway ")
