"""Our kinds as an API server has them."""
from cluster import DEFINITIONS
from server import deployment, version


def test_the_definitions_are_small():
    """A client reads them all when it discovers the API; those of other platforms fill megabytes."""
    assert sum(path.stat().st_size for path in DEFINITIONS.glob("*.yaml")) <= 200_000


def test_both_kinds_are_served_with_their_subresources(control_plane):
    served = {each["name"] for each in control_plane.ask("GET", "/apis/slipway.dev/v1alpha1")[2]["resources"]}
    assert served >= {"modeldeployments", "modeldeployments/status", "modeldeployments/scale", "modelversions"}


def test_kubectl_scales_a_deployment_through_its_scale(plane):
    plane.apply(version(), deployment(version=1))
    plane.kubectl("scale", "md/credit", "--replicas=3")
    assert plane.get("modeldeployments", "credit")["spec"]["replicas"] == 3


def test_a_version_cannot_be_changed(plane):
    plane.apply(version())
    said = plane.kubectl("patch", "mv", "credit-1", "--type=merge", "-p", '{"spec":{"format":"XGBoost"}}', ok=False).stderr
    assert "credit-1" in said and "immutable" in said
