"""`slipway install` without a cluster: what it prints, and that deploy/, kustomize and helm say the same."""
import filecmp
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from server import BINARY, ROOT

pytestmark = pytest.mark.ours
DEPLOY = ROOT / "deploy"
KUBECTL = ROOT / ".deps" / "kubectl" / "bin" / "kubectl"
HELM = ROOT / ".deps" / "helm" / "bin" / "helm"
needs_kubectl = pytest.mark.skipif(not KUBECTL.exists(), reason=f"there is no {KUBECTL}; `tools/setup test` brings it")
needs_helm = pytest.mark.skipif(not HELM.exists(), reason=f"there is no {HELM}; `tools/setup kube` brings it")


def objects(text):
    """-> {(kind, name): object}"""
    found = {}
    for each in yaml.safe_load_all(text):
        if each:
            key = each["kind"], each["metadata"]["name"]
            assert key not in found, f"{key} stands there twice"
            found[key] = each
    return found


def run(*words):
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, timeout=60)


def printed(*options):
    ended = run("install", *options)
    assert ended.returncode == 0, ended.stderr
    return objects(ended.stdout)


def program(*words):
    ended = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_what_is_checked_in_is_what_the_program_makes(tmp_path):
    subprocess.run([ROOT / "tools" / "deploy", tmp_path], check=True, capture_output=True, timeout=60,
                   env={**os.environ, "SLIPWAY_BINARY": str(BINARY)})
    ours = {name for name in files(DEPLOY) if not name.startswith("examples/") and name != "README.md"}
    assert ours == set(files(tmp_path)), "deploy/ is out of date: `make deploy` writes it anew"
    _, differ, broken = filecmp.cmpfiles(DEPLOY, tmp_path, sorted(ours), shallow=False)
    assert not differ + broken, "deploy/ is out of date: `make deploy` writes it anew"


def test_definitions_stay_small():
    text = "".join(path.read_text() for path in (DEPLOY / "helm/slipway/crds").iterdir())
    assert len(text) <= 200_000
    assert (DEPLOY / "slipway.yaml").stat().st_size <= 250_000


@needs_kubectl
def test_kustomize_makes_the_same_objects():
    assert objects(program(KUBECTL, "kustomize", DEPLOY / "kustomize")) == printed()


@needs_kubectl
def test_an_image_set_by_kustomize_reaches_what_serves_models(tmp_path):
    run("install", "--format", "kustomize", "--into", tmp_path)
    path = tmp_path / "kustomization.yaml"
    path.write_text(path.read_text() + "images:\n- name: docker.io/library/slipway\n  newName: example.com/slipway\n  newTag: \"7\"\n")
    made = objects(program(KUBECTL, "kustomize", tmp_path))
    container = made["Deployment", "slipway-control"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "example.com/slipway:7"
    assert "--image=example.com/slipway:7" in container["args"]


# What the chart's values say, and what the command line says.
CHOICES = {
    "defaults": ([], []),
    "image, replicas": (["image=example.com/slipway@sha256:" + "a" * 64, "replicas=5"],
                        ["--image", "example.com/slipway@sha256:" + "a" * 64, "--replicas", "5"]),
    "registry": (["registry.enabled=true", "registry.size=50Gi", "registry.storageClass=fast"],
                 ["--registry", "--registry-size", "50Gi", "--storage-class", "fast"]),
    "secrets and cache": (["pullSecrets={one,two}", "cacheClaim=cache"],
                          ["--pull-secret", "one", "--pull-secret", "two", "--cache-claim", "cache"]),
    "all namespaces": (["allNamespaces=true"], ["--all-namespaces"]),
    "policies": (["networkPolicies=true"], ["--network-policies"]),
    "policies, registry": (["networkPolicies=true", "registry.enabled=true"], ["--network-policies", "--registry"]),
    **{how: ([f"expose={how}"], ["--expose", how]) for how in (
        "NodePort", "NodePort:nodes.example.com:30080", "LoadBalancer", "LoadBalancer:https://ml.example.com",
        "ingress:ml.example.com", "ingress:https://ml.example.com", "httproute:public/ml.example.com",
        "httproute:infra/public/https://ml.example.com")},
}


def charted(tmp_path, space, values):
    ended = program(HELM, "template", "slipway", DEPLOY / "helm" / "slipway", "--include-crds", "--kube-version", "1.37.0", "-n", space,
                    *[word for value in values for word in ("--set", value)])
    return objects(ended)


@needs_helm
@pytest.mark.parametrize("choice", CHOICES)
def test_the_chart_makes_what_the_command_line_makes(choice, tmp_path):
    values, options = CHOICES[choice]
    charts, ours = charted(tmp_path, "ml", values), printed("-n", "ml", *options)
    assert charts.keys() == ours.keys()
    for key, each in ours.items():
        assert charts[key] == each, key


@needs_helm
@pytest.mark.parametrize("part", ["control", "gateway"])
def test_the_chart_has_the_parts_of_the_command_line(part, tmp_path):
    charts = charted(tmp_path, "ml", [f"only={part}"])
    assert {key for key in charts if key[0] != "CustomResourceDefinition"} == printed("-n", "ml", "--only", part).keys()


@needs_helm
def test_a_chart_made_with_options_has_them_as_its_defaults(tmp_path):
    options = ["--registry", "--expose", "ingress:https://ml.example.com", "--pull-secret", "mine", "--replicas", "3"]
    run("install", "--format", "helm", "--into", tmp_path, *options)
    made = objects(program(HELM, "template", "slipway", tmp_path, "--include-crds", "--kube-version", "1.37.0"))
    assert made == printed(*options)


@needs_helm
@pytest.mark.parametrize("value, says", [("expose=ingress", "expose"), ("expose=elsewhere", "expose"), ("replicas=0", "replicas"),
                                         ("imag=x", "imag"), ("registry.sise=1", "sise")])
def test_the_chart_refuses_what_means_nothing(value, says):
    ended = subprocess.run([HELM, "template", "slipway", DEPLOY / "helm" / "slipway", "--set", value], capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0 and says in ended.stderr


@needs_helm
def test_helm_finds_nothing_wrong_with_the_chart():
    assert "0 chart(s) failed" in program(HELM, "lint", DEPLOY / "helm" / "slipway")


@pytest.mark.parametrize("options, says", [
    (["--expose", "somewhere"], "httproute:GATEWAY/HOST"),
    (["-n", "Not_A_Name"], "--namespace"),
    (["--registry", "--all-namespaces"], "Secrets in every namespace"),
    (["--registry", "--registry-size", "much"], "10Gi"),
    (["--format", "helm"], "--into DIR"),
    (["--replicas", "many"], "--replicas"),
    (["--apply"], "--context NAME"),
    (["--dry-run"], "--context NAME"),
])
def test_what_cannot_be_installed_is_refused_with_what_can(options, says):
    ended = run("install", *options)
    assert ended.returncode == 2 and says in ended.stderr and not ended.stdout


def rules_of(made):
    return [(key, rule) for key, each in made.items() if key[0] in ("Role", "ClusterRole") for rule in each["rules"]]


@pytest.mark.parametrize("options", [[], ["--registry"], ["--all-namespaces"], ["--network-policies"], ["--only", "gateway"]])
def test_roles_have_no_wildcards_and_no_secrets_of_the_cluster(options):
    for key, rule in rules_of(printed(*options)):
        words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert not {"*", "escalate", "bind", "impersonate", "pods/exec", "pods/attach", "nodes/proxy", "nodes"} & set(words), (key, rule)
        if "secrets" in rule["resources"]:
            assert key == ("Role", "slipway-control") and "--registry" in options
            assert rule["verbs"] == ["create"] or rule["resourceNames"] == ["slipway-registry"]


def test_nothing_is_of_the_whole_cluster_but_the_definitions():
    for (kind, _), each in printed("-n", "ml").items():
        assert each["metadata"].get("namespace") == ("ml" if kind != "CustomResourceDefinition" else None), each


def test_what_is_printed_names_no_field_twice_and_no_other_image():
    text = run("install", "--image", "example.com/slipway:7").stdout
    assert set(re.findall(r"image[:=] ?(\S+)", text)) <= {"example.com/slipway:7"}
    assert json.dumps(list(objects(text)))  # each object once
