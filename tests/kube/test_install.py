"""`slipway install` and `slipway uninstall` on a real API server: what they put there, what they may do, what they leave alone."""
import itertools
import json
import subprocess

import pytest
import yaml

from cluster import BINARY, ROOT

HELM = ROOT / ".deps" / "helm" / "bin" / "helm"
MODEL = {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "credit"}, "spec": {"model": "credit", "version": 1}}
KINDS = "serviceaccounts,roles,rolebindings,services,deployments,poddisruptionbudgets,ingresses,persistentvolumeclaims,networkpolicies"
DEFINITIONS = ("modeldeployments.slipway.dev", "modelversions.slipway.dev")


def printed(space, *options):
    ended = subprocess.run([BINARY, "install", "-n", space.name, *options], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def installed(space, *options):
    """-> {title: change}"""
    said = json.loads(space.done("install", "--apply", "-o", "json", *options))
    return {f"{each['kind']}/{each['name']}": each["change"] for each in said["objects"]}


def versions(space):
    """Of everything of ours; of definitions too."""
    found = json.loads(space.kubectl("get", f"{KINDS},crds", "-o", "json").stdout)["items"]
    ours = [each for each in found if each["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") == "slipway"]
    # A controller says of a Deployment and a budget what it has seen: that is no change of what is wanted.
    return {(each["kind"], each["metadata"]["name"]): each["metadata"].get("generation", each["metadata"]["resourceVersion"]) for each in ours}


def gateway(space):
    return space.get("deployments", "slipway-gateway", "apps/v1")


# ---- What is there afterwards

@pytest.mark.parametrize("how", [("apply",), ("apply", "--server-side")])
def test_what_is_printed_is_all_that_kubectl_needs(plane, how):
    text = printed(plane)
    plane.kubectl(*how, "-f", "-", stdin=text)
    first = versions(plane)
    assert len(first) == 14
    plane.kubectl(*how, "-f", "-", stdin=text)
    assert versions(plane) == first


def test_what_is_checked_in_is_taken_as_it_is(control_plane):
    for file in ("slipway.yaml", "examples/flowschema.yaml", "examples/autoscale-gateway.yaml"):
        control_plane.kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", ROOT / "deploy" / file)


def test_says_of_each_object_what_became_of_it(plane):
    first = installed(plane)
    assert {change for title, change in first.items() if not title.startswith("CustomResource")} == {"created"}
    assert set(installed(plane).values()) == {"unchanged"}
    changed = {title for title, change in installed(plane, "--image", "example.com/slipway:7").items() if change == "configured"}
    assert changed == {"Deployment/slipway-control", "Deployment/slipway-gateway"}


def test_a_dry_run_stores_nothing_even_where_the_namespace_is_missing(plane):
    said = plane.done("install", "--dry-run", "--registry")
    assert "deployment/slipway-control created (dry run)" in said
    assert not plane.list("deployments", "apps/v1")
    missing = plane.name + "-missing"
    ended = subprocess.run([BINARY, "install", "--dry-run", "--kubeconfig", plane.cluster.kubeconfig, "-n", missing],
                           capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0 and f"namespace/{missing} created (dry run)" in ended.stdout, ended.stderr
    assert plane.cluster.ask("GET", f"/api/v1/namespaces/{missing}")[0] == 404


def test_a_namespace_that_is_missing_is_made_and_one_that_is_there_stays_as_it_is(control_plane, plane):
    name = plane.name + "-made"
    plane.cleanups.append(lambda: control_plane.kubectl("delete", "namespace", name, "--wait=false"))
    command = [BINARY, "install", "--apply", "--kubeconfig", control_plane.kubeconfig, "-n", name]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    labels = control_plane.ask("GET", f"/api/v1/namespaces/{name}")[2]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    control_plane.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=baseline", "--overwrite")
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    labels = control_plane.ask("GET", f"/api/v1/namespaces/{name}")[2]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"


@pytest.mark.parametrize("options", [[], ["--registry", "--pull-secret", "mine", "--cache-claim", "cache"], ["--all-namespaces"]])
def test_pod_security_restricted_admits_every_pod(plane, options):
    """The namespace enforces it; pods are asked for, as the Deployments' controllers would."""
    for each in yaml.safe_load_all(printed(plane, *options)):
        if each and each["kind"] == "ServiceAccount":
            plane.apply(each)
    pods = [each["spec"]["template"] for each in yaml.safe_load_all(printed(plane, *options)) if each and each["kind"] == "Deployment"]
    assert len(pods) == 2
    for number, template in enumerate(pods):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}", "labels": template["metadata"]["labels"]}, "spec": template["spec"]}
        said = plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
        assert "created" in said.stdout and not said.stderr


@pytest.mark.bundle
def test_waiting_says_what_holds_it_up(plane):
    ended = plane.slipway("install", "--apply", "--wait", "--timeout", "2s")
    assert ended.returncode == 1
    assert "slipway-gateway: 0 of 2 ready (Unschedulable: no nodes available" in ended.stderr


# ---- What the accounts may do

LOOK = {"get", "list", "watch"}
CHILDREN = LOOK | {"create", "patch", "delete"}
CONTROL = {
    ("slipway.dev", "modeldeployments"): LOOK, ("slipway.dev", "modelversions"): LOOK,
    ("slipway.dev", "modeldeployments/status"): {"update", "patch"}, ("slipway.dev", "modeldeployments/finalizers"): {"update"},
    ("apps", "deployments"): CHILDREN, ("", "services"): CHILDREN, ("policy", "poddisruptionbudgets"): CHILDREN,
    ("", "pods"): LOOK, ("", "events"): {"get", "create", "update", "patch"},
    ("coordination.k8s.io", "leases"): {"create"}, ("coordination.k8s.io", "leases", "slipway-control"): LOOK | {"update"},
}
REGISTRY = {("", "secrets"): {"create"}, ("", "secrets", "slipway-registry"): {"get", "patch"}}
GATEWAY = {("slipway.dev", "modeldeployments"): LOOK, ("discovery.k8s.io", "endpointslices"): LOOK}


def said_rules(space, account, where):
    user = f"system:serviceaccount:{space.name}:{account}"
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{space.name}", "system:authenticated")
    said = space.cluster.kubectl("create", "--raw", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "-f", "-", "--as", user,
                                 *(word for group in groups for word in ("--as-group", group)),
                                 stdin=json.dumps({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": where}}))
    found = {}
    for rule in json.loads(said.stdout)["status"]["resourceRules"]:
        for group, resource, name in itertools.product(rule["apiGroups"], rule["resources"], rule.get("resourceNames", [None])):
            found.setdefault((group, resource, *([name] if name else [])), set()).update(rule["verbs"])
    return found


def rules(space, account, where=""):
    """What the API server itself says that an account may do there, beyond what every account may: {(group, resource[, name]): verbs}."""
    everyone = said_rules(space, "nobody", where or space.name)
    return {what: verbs for what, verbs in said_rules(space, account, where or space.name).items() if everyone.get(what) != verbs}


@pytest.mark.parametrize("account, options, expected", [
    ("slipway-control", [], CONTROL), ("slipway-control", ["--registry"], CONTROL | REGISTRY),
    ("slipway-gateway", [], GATEWAY), ("slipway-gateway", ["--registry"], GATEWAY), ("slipway-model", ["--registry"], {}),
])
def test_accounts_may_do_what_they_need_and_nothing_else(plane, account, options, expected):
    installed(plane, *options)
    assert rules(plane, account) == expected
    assert rules(plane, account, "kube-system") == {}


def test_kubectl_auth_can_i_agrees(plane):
    installed(plane, "--registry")
    asked = [("slipway-control", "create", "deployments.apps", True), ("slipway-control", "delete", "modeldeployments.slipway.dev", False),
             ("slipway-control", "update", "modeldeployments.slipway.dev", False), ("slipway-control", "list", "secrets", False),
             ("slipway-control", "create", "pods", False), ("slipway-control", "delete", "pods", False),
             ("slipway-control", "get", "nodes", False), ("slipway-gateway", "watch", "endpointslices.discovery.k8s.io", True),
             ("slipway-gateway", "list", "pods", False), ("slipway-gateway", "get", "secrets/slipway-registry", False),
             ("slipway-control", "get", "secrets/slipway-registry", True), ("slipway-model", "get", "pods", False)]
    for account, verb, what, may in asked:
        said = plane.kubectl("auth", "can-i", verb, what, "--as", f"system:serviceaccount:{plane.name}:{account}", ok=None).stdout.strip()
        assert said == ("yes" if may else "no"), (account, verb, what)


# ---- All namespaces

@pytest.mark.bundle
def test_control_of_all_namespaces_belongs_to_one_installation(control_plane, plane):
    plane.cleanups.append(lambda: plane.slipway("uninstall"))
    installed(plane, "--all-namespaces")
    assert rules(plane, "slipway-control", "default")[("apps", "deployments")] == CHILDREN
    assert ("", "secrets") not in rules(plane, "slipway-control", "default")
    assert ("coordination.k8s.io", "leases") not in rules(plane, "slipway-control", "default")
    other = control_plane.space()
    try:
        refused = other.slipway("install", "--apply", "--all-namespaces")
        assert refused.returncode == 1 and plane.name in refused.stderr and "--only gateway" in refused.stderr
        # A gateway beside it, or an installation of its own, takes nothing away from the first.
        assert "Deployment/slipway-control" not in installed(other, "--only", "gateway")
        installed(other)
        assert "deleted" not in {*installed(other).values()}
        other.done("uninstall")
        assert control_plane.ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/slipway-control")[0] == 200
    finally:
        other.remove()
    # Control of one namespace again: the wide rights go.
    gone = {title for title, change in installed(plane).items() if change == "deleted"}
    assert gone == {f"{kind}/{name}" for kind, name in (("ClusterRole", "slipway-control"), ("ClusterRoleBinding", "slipway-control"),
                                                        ("ClusterRole", "slipway-edit"), ("ClusterRole", "slipway-view"))}
    assert rules(plane, "slipway-control", "default") == {}


@pytest.mark.bundle
def test_whoever_may_edit_a_namespace_may_deploy_models_there(control_plane, plane):
    plane.cleanups.append(lambda: plane.slipway("uninstall"))
    installed(plane, "--all-namespaces")
    plane.kubectl("create", "rolebinding", "ann", "--clusterrole", "edit", "--user", "ann")
    plane.kubectl("create", "rolebinding", "bob", "--clusterrole", "view", "--user", "bob")

    def may(user, verb, what, *more):
        return plane.kubectl("auth", "can-i", verb, what, *more, "--as", user, ok=None).stdout.strip() == "yes"
    plane.wait(lambda: may("ann", "create", "modeldeployments.slipway.dev"), "edit takes our role in")
    assert may("ann", "patch", "modeldeployments.slipway.dev", "--subresource=scale")
    plane.wait(lambda: may("bob", "list", "modelversions.slipway.dev"), "view takes our role in")
    assert not may("bob", "create", "modeldeployments.slipway.dev") and not may("ann", "update", "modeldeployments.slipway.dev", "--subresource=status")
    plane.done("uninstall")
    assert control_plane.ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/slipway-edit")[0] == 404


# ---- Upgrades

def test_an_upgrade_takes_back_its_own_fields_and_leaves_those_of_others(plane):
    old = [each for each in yaml.safe_load_all(printed(plane, "--image", "example.com/slipway:1")) if each]
    for each in old:
        if each["kind"] == "Deployment":
            each["metadata"]["labels"]["slipway.dev/of-an-older-version"] = "yes"
            each["spec"]["template"]["spec"]["containers"][0]["args"].append("--of-an-older-version")
    plane.kubectl("apply", "--server-side", "--field-manager", "slipway-install", "-f", "-", stdin=yaml.safe_dump_all(old))
    plane.kubectl("annotate", "deployment", "slipway-gateway", "team=ml")
    plane.kubectl("scale", "deployment", "slipway-gateway", "--replicas", "5")
    plane.kubectl("set", "env", "deployment/slipway-gateway", "HTTP_PROXY=http://proxy")
    plane.kubectl("label", "service", "slipway-gateway", "monitored=yes")
    said = plane.done("install", "--apply", "--image", "example.com/slipway:2")
    assert "deployment/slipway-gateway configured; others decide how many replicas there are" in said
    now = gateway(plane)
    container = now["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "example.com/slipway:2"
    assert "--of-an-older-version" not in container["args"]
    assert "slipway.dev/of-an-older-version" not in now["metadata"]["labels"]
    assert now["metadata"]["annotations"]["team"] == "ml" and now["spec"]["replicas"] == 5
    assert {"name": "HTTP_PROXY", "value": "http://proxy"} in container["env"]
    assert plane.get("services", "slipway-gateway", "v1")["metadata"]["labels"]["monitored"] == "yes"
    assert set(installed(plane, "--image", "example.com/slipway:2").values()) == {"unchanged"}


def test_what_others_have_set_differently_is_named_and_set_back_only_when_asked(plane):
    installed(plane)
    plane.kubectl("set", "image", "deployment/slipway-gateway", "gateway=example.com/mine:1")
    refused = plane.slipway("install", "--apply", "--image", "example.com/slipway:2")
    assert refused.returncode == 1
    assert 'conflict with "kubectl-set"' in refused.stderr and "image" in refused.stderr and "--force-conflicts" in refused.stderr
    assert gateway(plane)["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/mine:1"
    plane.done("install", "--apply", "--image", "example.com/slipway:2", "--force-conflicts")
    assert gateway(plane)["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/slipway:2"


def test_what_is_no_longer_asked_for_goes_but_never_models(plane):
    installed(plane, "--registry", "--expose", "ingress:ml.example.com", "--network-policies")
    gone = {title for title, change in installed(plane).items() if change == "deleted"}
    assert gone == {"Service/slipway-registry", "Ingress/slipway-gateway", "NetworkPolicy/slipway-control", "NetworkPolicy/slipway-gateway",
                    "NetworkPolicy/slipway-model"}
    assert plane.get("persistentvolumeclaims", "slipway-registry", "v1")
    args = plane.get("deployments", "slipway-control", "apps/v1")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--gateway-url=http://slipway-gateway.$(POD_NAMESPACE).svc" in args


# ---- Uninstalling

def test_uninstalling_leaves_what_people_made(plane):
    installed(plane, "--registry", "--expose", "ingress:ml.example.com")
    plane.apply(MODEL)
    mine = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "mine", "labels": {"team": "ml"}}, "spec": {"ports": [{"port": 80}]}}
    plane.apply(mine)
    assert "deployment/slipway-control deleted (dry run)" in plane.done("uninstall", "--dry-run")
    assert gateway(plane)
    said = plane.done("uninstall")
    assert "slipway uninstall --crds" in said and "1 ModelDeployment" in said and "pvc/slipway-registry" in said
    left = [f"{each['kind']}/{each['metadata']['name']}" for each in json.loads(plane.kubectl("get", KINDS, "-o", "json").stdout)["items"]
            if "deletionTimestamp" not in each["metadata"]]
    assert sorted(left) == ["PersistentVolumeClaim/slipway-registry", "Service/mine", "ServiceAccount/default", "ServiceAccount/slipway-model"]
    assert plane.get("modeldeployments", "credit")
    plane.kubectl("delete", "modeldeployment", "credit")
    assert "serviceaccount/slipway-model deleted" in plane.done("uninstall")


def test_definitions_are_not_taken_away_while_there_are_models(plane):
    plane.apply(MODEL)
    refused = plane.slipway("uninstall", "--crds")
    assert refused.returncode == 1 and "--force" in refused.stderr
    assert plane.get("modeldeployments", "credit")


@pytest.mark.bundle
def test_definitions_go_when_that_is_asked_for_by_name(control_plane, plane):
    installed(plane)
    plane.apply(MODEL)
    try:
        said = plane.done("uninstall", "--crds", "--force")
        assert all(f"customresourcedefinition/{name} deleted" in said for name in DEFINITIONS)
        for name in DEFINITIONS:
            control_plane.kubectl("wait", "--for=delete", f"crd/{name}", "--timeout=30s")
        assert "uninstall --crds" not in plane.done("uninstall")
    finally:
        control_plane.kubectl("apply", "--server-side", "-f", ROOT / "api" / "crd")
        control_plane.kubectl("wait", "--for=condition=Established", "-f", ROOT / "api" / "crd")


@pytest.mark.skipif(not HELM.exists(), reason=f"there is no {HELM}; `tools/setup kube` brings it")
def test_helm_installs_upgrades_and_takes_away_and_is_known_to_have_done_so(control_plane, plane):
    def helm(*words):
        ended = subprocess.run([HELM, *words, "-n", plane.name, "--kubeconfig", control_plane.kubeconfig], capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout
    chart = ROOT / "deploy" / "helm" / "slipway"
    helm("install", "slipway", chart)
    assert {"control", "gateway"} == {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in plane.list("deployments", "apps/v1")}
    helm("upgrade", "slipway", chart, "--set", "replicas=3,expose=ingress:ml.example.com")
    assert gateway(plane)["spec"]["replicas"] == 3 and plane.get("ingresses", "slipway-gateway", "networking.k8s.io/v1")
    refused = plane.slipway("uninstall")
    assert refused.returncode == 1 and f"helm uninstall slipway -n {plane.name}" in refused.stderr
    plane.apply(MODEL)
    helm("uninstall", "slipway")
    assert not plane.list("deployments", "apps/v1") and plane.get("modeldeployments", "credit")
