"""What people do to deployments, each history to one of its own, all at the same time; and what is there in the end.

A history is a generator: it changes something and yields what must be true before it goes on. What it leaves behind must not
depend on how control learned of it, so the end of one run can be held against that of another.
"""
import copy
import json
import re
import time

from server import version

MODEL = "score"
IMAGE = "slipway.test/slipway@sha256:" + "5" * 64
SIDECAR = {"name": "mesh", "image": "mesh.test/proxy:1", "resources": {},
           "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}}
CHILDREN = (("deployments", "apps/v1"), ("services", "v1"), ("poddisruptionbudgets", "policy/v1"))
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Deployment:
    """One deployment, as its history changes it."""

    def __init__(self, space, name, there):
        self.space, self.name, self.there = space, name, there

    def create(self, number=1, replicas=1, **rollout):
        status, _, said = self.space.cluster.ask("POST", self.space.path("modeldeployments"), {
            "apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": self.name},
            "spec": {"model": MODEL, "version": number, "replicas": replicas, "rollout": {"keep": "0s", **rollout}}})
        assert status == 201, said

    def set(self, **spec):
        self.space.patch("modeldeployments", self.name, {"spec": spec})

    def delete(self):
        status, _, said = self.space.cluster.ask("DELETE", self.space.path("modeldeployments", self.name))
        assert status == 200, said

    def get(self):
        """As it was at the last look; None: it was not there."""
        return self.there.get(self.name)

    def children(self, plural, group):
        return self.space.list(plural, group, f"slipway.dev/deployment={self.name}")

    def settled(self):
        """What was wanted last is there, and nothing else."""
        seen = self.get() or {}
        status = seen.get("status", {})
        revisions = status.get("revisions", [])
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", []))
        return (ready and status.get("observedGeneration") == seen["metadata"]["generation"] and len(revisions) == 1
                and revisions[0]["version"] == seen["spec"]["version"] and revisions[0]["ready"] == seen["spec"]["replicas"])

    def says(self, kind, reason):
        return lambda: any(each["type"] == kind and each["reason"] == reason for each in (self.get() or {}).get("status", {}).get("conditions", []))

    def gone(self):
        return not any(self.children(plural, group) for plural, group in (*CHILDREN, ("pods", "v1")))


# ---- The histories


def create(it):
    it.create(replicas=2)
    yield it.settled


def change_version(it):
    it.create()
    yield it.settled
    it.set(version=2)
    yield it.settled


def canary(it):
    it.create(strategy="canary", steps=[{"weight": 10, "hold": "0s"}, {"weight": 50, "hold": "200ms"}])
    yield it.settled
    it.set(version=2)
    yield it.settled


def change_in_a_hurry(it):
    it.create()
    it.set(version=2)
    yield lambda: (it.get() or {}).get("status")
    it.set(version=3)
    yield it.settled


def scale(it):
    it.create()
    yield it.settled
    it.set(replicas=3)
    yield it.settled
    it.set(replicas=1)
    yield it.settled


def pause_and_resume(it):
    it.create()
    yield it.settled
    it.set(version=2, rollout={"paused": True})
    yield it.says("Progressing", "Paused")
    it.set(rollout={"paused": False})
    yield it.settled


def roll_back(it):
    it.create()
    yield it.settled
    it.set(version=2)
    yield it.settled
    it.set(version=1)
    yield it.settled


def delete(it):
    it.create()
    yield it.settled
    it.delete()
    yield it.gone


def delete_and_recreate(it):
    it.create()
    yield it.settled
    it.delete()
    it.create(number=2, replicas=2)
    yield it.settled


def delete_at_once(it):
    it.create()
    it.delete()
    yield it.gone


def edited_by_others(it):
    """What is ours comes back; what is theirs stays."""
    it.create()
    yield it.settled
    child = it.children("deployments", "apps/v1")[0]["metadata"]["name"]
    at = it.space.path("deployments", child, "apps/v1")
    change = {"metadata": {"annotations": {"team.test/owner": "fraud"}},
              "spec": {"template": {"metadata": {"annotations": {"mesh.test/injected": "true"}}, "spec": {"containers": [SIDECAR]}}}}
    assert it.space.cluster.ask("PATCH", at, change, {"Content-Type": "application/strategic-merge-patch+json"})[0] == 200
    change = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "foreign.test/image:1"}]}}}}
    assert it.space.cluster.ask("PATCH", at, change, {"Content-Type": "application/strategic-merge-patch+json"})[0] == 200
    assert it.space.cluster.ask("DELETE", it.space.path("services", child, "v1"))[0] == 200
    yield lambda: it.settled() and it.children("services", "v1") and server_of(it.children("deployments", "apps/v1")[0])["image"] == IMAGE


def server_of(child):
    return next(each for each in child["spec"]["template"]["spec"]["containers"] if each["name"] == "server")


HISTORIES = {each.__name__.replace("_", "-"): each for each in (create, change_version, canary, change_in_a_hurry, scale, pause_and_resume, roll_back,
                                                                delete, delete_and_recreate, delete_at_once, edited_by_others)}


class Play:
    """All of them in one namespace. step() until done()."""

    def __init__(self, space, names=tuple(HISTORIES)):
        self.space = space
        space.cluster.post(space.path("modelversions"), *(version(MODEL, number, artifact=f"registry.test/{MODEL}@sha256:" + f"{number:x}".rjust(64, "0"))
                                                          for number in (1, 2, 3)))
        self.there = {}  # the deployments, by name
        self.running = {name: (HISTORIES[name](Deployment(space, name, self.there)), lambda: True) for name in names}

    def done(self):
        return not self.running

    def step(self):
        self.there.clear()
        self.there.update((item["metadata"]["name"], item) for item in self.space.list("modeldeployments"))
        for name, (history, holds) in list(self.running.items()):
            if not holds():
                continue
            following = next(history, None)
            if following is None:
                del self.running[name]
            else:
                self.running[name] = (history, following)

    def waiting(self):
        return ", ".join(self.running)


# ---- What is there


def end_state(space):
    """Everything that is ours in the namespace, without what is another at each run."""
    owners = {item["metadata"]["uid"]: item["metadata"]["name"] for item in space.list("modeldeployments")}
    out = {}
    for plural, group in (("modeldeployments", "slipway.dev/v1alpha1"), *CHILDREN):
        for item in space.list(plural, group, "" if plural == "modeldeployments" else "app.kubernetes.io/managed-by=slipway"):
            out[f"{plural}/{item['metadata']['name']}"] = normal(plural, item, owners)
    pods = [each["metadata"]["labels"]["slipway.dev/revision"] for each in space.pods("slipway.dev/revision")]
    out["pods"] = {revision: pods.count(revision) for revision in sorted(pods)}
    return out


def normal(plural, item, owners):
    item = copy.deepcopy(item)
    meta = item["metadata"]
    for key in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "namespace"):
        meta.pop(key, None)
    (meta.get("annotations") or {}).pop("deployment.kubernetes.io/revision", None)
    for owner in meta.get("ownerReferences", []):
        owner["uid"] = "of " + owners.get(owner["uid"], "NOBODY THAT IS THERE")
    if plural == "services":
        for key in ("clusterIP", "clusterIPs"):
            item["spec"].pop(key, None)
    if plural == "modeldeployments":
        item.get("status", {}).pop("observedGeneration", None)
        for each in item.get("status", {}).get("conditions", []):
            each.pop("observedGeneration", None)
    else:
        item["status"] = {key: value for key, value in item.get("status", {}).items() if key in ("replicas", "readyReplicas", "expectedPods")}
    return json.loads(TIME.sub("TIME", json.dumps(item, sort_keys=True)))


def differences(wanted, got):
    """One line each."""
    out = []

    def walk(path, a, b):
        if isinstance(a, dict) and isinstance(b, dict):
            for key in sorted({*a, *b}):
                walk(f"{path}.{key}", a.get(key), b.get(key))
        elif a != b:
            out.append(f"{path}: {json.dumps(a)} is {json.dumps(b)}")

    walk("", wanted, got)
    return out


def at_rest(space, seconds, wanted=None):
    """The end state, once it is the wanted one and has not changed for a second; the last one seen when it does not come to that.

    Whoever is perturbed may be away for longer than a second: rest alone is no end.
    """
    end, seen, since = time.monotonic() + seconds, None, 0
    while time.monotonic() < end:
        found = end_state(space)
        if found != seen:
            seen, since = found, time.monotonic()
        elif time.monotonic() - since > 1 and wanted in (None, seen):
            break
        time.sleep(0.2)
    return seen
