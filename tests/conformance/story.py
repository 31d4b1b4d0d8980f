"""The requests that are played against Slipway's API and an API server: each a step with a name, in order.

Paths, bodies and headers may be functions of what was answered so far: `seen["step"]` is the JSON of that step's answer.
"""
from dataclasses import dataclass, field
from typing import Any, Callable

from server import GROUP, SPACE, deployment, version

MERGE = {"Content-Type": "application/merge-patch+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
MD, MV = SPACE + "/modeldeployments", SPACE + "/modelversions"
CREDIT = MD + "/credit"
DISCOVERY = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
SYNC = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=3"


@dataclass
class Step:
    name: str
    method: str
    path: str | Callable
    body: Any = None
    headers: Any = field(default_factory=dict)
    events: int = 0  # a watch, read until that many events came or it ended
    pick: Callable | None = None  # the part of the answer that is compared


def text_of(value, seen):
    return value(seen) if callable(value) else value


def rv(answer):
    return answer["metadata"]["resourceVersion"]


def uid(answer):
    return answer["metadata"]["uid"]


def edited(answer, **spec):
    """The object as it was answered, with other members of spec."""
    return {**answer, "spec": {**answer["spec"], **spec}}


def status_of(answer, generation=1, **more):
    condition = {"type": "Ready", "status": "True", "observedGeneration": generation, "lastTransitionTime": "2026-01-02T03:04:05Z",
                 "reason": "AllReady", "message": "all replicas are ready"}
    return {**answer, "status": {"observedGeneration": generation, "replicas": 2, "selector": "slipway.dev/deployment=credit",
                                 "conditions": [condition], **more}}


def scale(replicas, **metadata):
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "credit", "namespace": "default", **metadata},
            "spec": {"replicas": replicas}}


def with_meta(body, **metadata):
    return {**body, "metadata": {**body["metadata"], **metadata}}


def our_group(answer):
    return [group for group in answer["items"] if group["metadata"]["name"] == "slipway.dev"] if "items" in answer else answer


def by_name(answer):
    """Resources in no order, nor their verbs."""
    return {each["name"]: {**each, "verbs": sorted(each["verbs"])} for each in answer["resources"]}


def schema_of(kind, *path):
    def pick(answer):
        here = answer["components"]["schemas"][f"dev.slipway.v1alpha1.{kind}"]
        for member in path:
            here = here["properties"][member]
        return here
    return pick


def operations(answer):
    """What kubectl looks for: the operations, the kinds they are of, and their parameters."""
    return {path: {verb: {"kind": operation.get("x-kubernetes-group-version-kind"), "action": operation.get("x-kubernetes-action"),
                          "parameters": {each["name"]: each["in"] for each in [*operation.get("parameters", []), *item.get("parameters", [])]}}
                   for verb, operation in item.items() if isinstance(operation, dict)}
            for path, item in answer["paths"].items() if "/watch/" not in path and path.startswith(GROUP)}


DISCOVERING = [
    Step("group", "GET", "/apis/slipway.dev"),
    Step("resources", "GET", GROUP, pick=by_name),
    Step("aggregated discovery", "GET", "/apis", headers=DISCOVERY, pick=our_group),
    Step("openapi index", "GET", "/openapi/v3", pick=lambda a: sorted(a["paths"].get(GROUP.lstrip("/"), {}))),
    Step("openapi operations", "GET", "/openapi/v3" + GROUP, pick=operations),
    Step("openapi deployment spec", "GET", "/openapi/v3" + GROUP, pick=schema_of("ModelDeployment", "spec")),
    Step("openapi version", "GET", "/openapi/v3" + GROUP, pick=schema_of("ModelVersion")),
    Step("unknown group", "GET", "/apis/nosuch.dev/v1/things"),
    Step("unknown resource", "GET", SPACE + "/nosuch"),
    Step("unknown subresource", "GET", CREDIT + "/nosuch"),
    Step("a method that a path does not take", "POST", CREDIT + "?dryRun=All", body=deployment()),
    Step("a method that nothing takes", "PATCH", MD, body={}, headers=MERGE),
]

CREATING = [
    Step("create", "POST", MD + "?fieldManager=story", body=with_meta(deployment(), labels={"team": "risk", "tier": "gold"}, annotations={"note": "first"})),
    Step("create again", "POST", MD, body=deployment()),
    Step("create dry", "POST", MD + "?dryRun=All", body=deployment("dry")),
    Step("get what was created dry", "GET", MD + "/dry"),
    Step("create dry what exists", "POST", MD + "?dryRun=All", body=deployment()),
    Step("create with a bad dryRun", "POST", MD + "?dryRun=Some", body=deployment("dry")),
    Step("create with a uid of its own", "POST", MD, body=with_meta(deployment("own"), uid="11111111-1111-1111-1111-111111111111", generation=9, creationTimestamp="2001-01-01T00:00:00Z")),
    Step("create with a resourceVersion", "POST", MD, body=with_meta(deployment("versioned"), resourceVersion="1")),
    Step("create with status", "POST", MD, body=status_of(deployment("stated"))),
    Step("create by generateName", "POST", MD + "?dryRun=All", body=with_meta(deployment(), name=None, generateName="g-"), pick=lambda a: {**a, "metadata": {**a["metadata"], "name": a["metadata"]["name"][:2]}} if "spec" in a else a),
    Step("create without a name", "POST", MD, body=with_meta(deployment(), name="")),
    Step("create with a name that is a path", "POST", MD, body=deployment("../../etc")),
    Step("create with an upper-case name", "POST", MD, body=deployment("Credit")),
    Step("create with a name too long", "POST", MD, body=deployment("a" * 46)),
    Step("create with a bad label", "POST", MD, body=with_meta(deployment("labels"), labels={"a b": "c"})),
    Step("create with a bad label value", "POST", MD, body=with_meta(deployment("labels"), labels={"a": "b c"})),
    Step("create with a label that is no text", "POST", MD, body=with_meta(deployment("labels"), labels={"a": 1})),
    Step("create in another namespace than it says", "POST", MD, body=with_meta(deployment("elsewhere"), namespace="other")),
    Step("create in a namespace that is not there", "POST", MD.replace("default", "nowhere"), body=deployment()),
    Step("create a version", "POST", MV, body=with_meta(version(number=1), labels={"stage": "test"})),
    Step("create a version whose name does not fit", "POST", MV, body=with_meta(version(number=2), name="credit-3")),
    Step("create a version whose artifact does not fit", "POST", MV, body=version(number=2, digest="sha256:" + "9" * 64)),
    Step("create a version with a signature", "POST", MV, body=version(number=2, signature={"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}], "outputs": []}, size=1 << 40)),
]

REFUSED_BODIES = [
    Step("no body", "POST", MD, body=""),
    Step("not JSON", "POST", MD, body="{"),
    Step("an array", "POST", MD, body="[]"),
    Step("text", "POST", MD, body='"text"'),
    Step("an empty object", "POST", MD, body={}),
    Step("without kind", "POST", MD, body={"apiVersion": "slipway.dev/v1alpha1", "metadata": {"name": "k"}}),
    Step("without apiVersion", "POST", MD, body={"kind": "ModelDeployment", "metadata": {"name": "k"}}),
    Step("of another kind", "POST", MD, body=version()),
    Step("of another version", "POST", MD, body={**deployment(), "apiVersion": "slipway.dev/v9"}),
    Step("without spec", "POST", MD, body={"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "k"}}),
    Step("without what is required", "POST", MD, body={**deployment("k"), "spec": {"replicas": 1}}),
    Step("spec of the wrong type", "POST", MD, body={**deployment("k"), "spec": 3}),
    Step("wrong types", "POST", MD, body=deployment("k", version="3", replicas="two", rollout=[])),
    Step("a fraction for an integer", "POST", MD, body=deployment("k", replicas=1.5)),
    Step("a whole number with a point", "POST", MD + "?dryRun=All", body='{"apiVersion":"slipway.dev/v1alpha1","kind":"ModelDeployment","metadata":{"name":"k"},"spec":{"model":"m","version":3.0}}'),
    Step("too small and too large", "POST", MD, body=deployment("k", version=0, replicas=1001)),
    Step("beyond int32", "POST", MD, body=deployment("k", replicas=1 << 31)),
    Step("beyond int64", "POST", MD, body=deployment("k", version=1 << 63)),
    Step("a pattern that does not match", "POST", MD, body=deployment("k", resources={"cpu": "lots"})),
    Step("a model name too long", "POST", MD, body=deployment("k", model="m" * 46)),
    Step("not one of the enum", "POST", MD, body=deployment("k", rollout={"strategy": "shadow"})),
    Step("an empty list where one is needed", "POST", MD, body=deployment("k", rollout={"strategy": "canary", "steps": []})),
    Step("wrong inside a list", "POST", MD, body=deployment("k", rollout={"strategy": "canary", "steps": [{"weight": 1, "hold": "1m"}, {"weight": 100}]})),
    Step("steps without canary", "POST", MD, body=deployment("k", rollout={"steps": [{"weight": 1, "hold": "1m"}]})),
    Step("steps that fall", "POST", MD, body=deployment("k", rollout={"strategy": "canary", "steps": [{"weight": 9, "hold": "1m"}, {"weight": 1, "hold": "1m"}]})),
    Step("null for a default", "POST", MD + "?dryRun=All", body=deployment("k", replicas=None)),
    Step("null for what may be absent", "POST", MD + "?dryRun=All", body=deployment("k", limits=None, resources={"cpu": None})),
    Step("null without a default", "POST", MD, body=deployment("k", model=None)),
    Step("unknown field, nothing said", "POST", MD + "?dryRun=All", body=deployment("k", nosuch=1)),
    Step("unknown field, Warn", "POST", MD + "?dryRun=All&fieldValidation=Warn", body=deployment("k", nosuch=1, rollout={"also": {}})),
    Step("unknown field, Strict", "POST", MD + "?fieldValidation=Strict", body=deployment("k", nosuch=1, rollout={"also": {}})),
    Step("unknown field, Ignore", "POST", MD + "?dryRun=All&fieldValidation=Ignore", body=deployment("k", nosuch=1)),
    Step("unknown field, a word that is none", "POST", MD + "?fieldValidation=Loud", body=deployment("k")),
    Step("unknown field of the root, Strict", "POST", MD + "?fieldValidation=Strict", body={**deployment("k"), "nosuch": 1}),
    Step("unknown field of metadata, Strict", "POST", MD + "?fieldValidation=Strict", body=with_meta(deployment("k"), nosuch=1)),
    Step("a field twice, Strict", "POST", MD + "?fieldValidation=Strict", body='{"apiVersion":"slipway.dev/v1alpha1","kind":"ModelDeployment","metadata":{"name":"k"},"spec":{"model":"m","model":"n","version":3}}'),
    Step("a field twice, Warn", "POST", MD + "?dryRun=All&fieldValidation=Warn", body='{"apiVersion":"slipway.dev/v1alpha1","kind":"ModelDeployment","metadata":{"name":"k"},"spec":{"model":"m","model":"n","version":3}}'),
    Step("a content type that is none of ours", "POST", MD, body="name=k", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Step("an Accept that is none of ours", "GET", CREDIT, headers={"Accept": "text/csv"}),
    Step("an annotation that is too large", "POST", MD, body=with_meta(deployment("k"), annotations={"big": "x" * (257 << 10)})),
]

READING = [
    Step("get", "GET", CREDIT),
    Step("get as a table", "GET", CREDIT, headers=TABLE),
    Step("get as a table with the object", "GET", CREDIT + "?includeObject=Object", headers=TABLE),
    Step("get as a table without object", "GET", CREDIT + "?includeObject=None", headers=TABLE),
    Step("get what is not there", "GET", MD + "/nosuch"),
    Step("get from another namespace", "GET", CREDIT.replace("default", "nowhere")),
    Step("get a version as a table", "GET", MV + "/credit-1", headers=TABLE),
    Step("get a path for a name", "GET", MD + "/%2e%2e%2fetc"),
]
