"""Slipway installed in a namespace of a cluster with nodes, and one deployment there that a test is about."""
import http.client
import itertools
import json
import os
import signal
from pathlib import Path

from cluster import ROOT, Space
from load import Load

MODEL = ROOT / "examples" / "tumour" / "model.json"
REQUEST = ROOT / "examples" / "tumour.json"
NUMBERS = itertools.count(1)


def salted(folder, salt):
    """A model with the signature of examples/tumour, and other answers with each salt."""
    model = json.loads(MODEL.read_text())
    model["learner"]["learner_model_param"]["base_score"] = f"[{0.3 + salt / 1000}E0]"
    path = Path(folder) / f"{salt}" / "model.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(model))
    return path


class Installed:
    """`name` is the deployment that the test is about: a new one with each `fresh()`."""

    def __init__(self, space: Space, image, folder, *options):
        self.space, self.cluster, self.folder = space, space.cluster, Path(folder)
        self.name = "tumour"
        # With an id, so that a revision's answers are the same bytes each time.
        self.request = self.folder / "request.json"
        self.request.write_text(json.dumps({"id": "same", **json.loads(REQUEST.read_text())}))
        self.claim()
        space.done("install", "--apply", "--image", image, "--registry", *options, timeout=120)
        for name in ("slipway-control", "slipway-gateway"):
            space.kubectl("rollout", "status", f"deploy/{name}", "--timeout=120s", timeout=150)
        self.host = self.address()

    def claim(self):
        """A volume for the registry's claim: a cluster of the bundle has no one who makes them."""
        if not self.cluster.bundle:
            return
        path = self.cluster.bundle.folder / "volumes" / self.space.name
        path.mkdir(parents=True)
        path.chmod(0o777)
        self.cluster.kubectl("create", "-f", "-", stdin=json.dumps(
            {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"registry-{self.space.name}"},
             "spec": {"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce", "ReadWriteMany"], "hostPath": {"path": str(path)},
                      "claimRef": {"namespace": self.space.name, "name": "slipway-registry"}}}))
        self.space.cleanups.append(lambda: self.cluster.kubectl("delete", "pv", f"registry-{self.space.name}", "--wait=false"))

    def address(self):
        """Where callers reach the gateway: its service from this machine, or a port of a node."""
        service = self.space.get("services", "slipway-gateway", "v1")
        if self.cluster.bundle:
            return f"{service['spec']['clusterIP']}:{service['spec']['ports'][0]['port']}"
        self.space.patch("services", "slipway-gateway", {"spec": {"type": "NodePort"}}, "v1")
        port = self.space.get("services", "slipway-gateway", "v1")["spec"]["ports"][0]["nodePort"]
        node = self.cluster.ask("GET", "/api/v1/nodes")[2]["items"][0]
        return next(f"{each['address']}:{port}" for each in node["status"]["addresses"] if each["type"] == "InternalIP")

    def fresh(self):
        """Another deployment; what is left of the one before goes meanwhile."""
        self.name = f"tumour-{next(NUMBERS)}"
        return self

    # ---- Versions and changes

    def push_salted(self, first, last=0):
        for salt in range(first, (last or first) + 1):
            self.space.done("push", salted(self.folder / "models", salt), "--name", "tumour", timeout=120)

    def manifest(self, version, **spec):
        # Two replicas of two hundredths of a core: many fit on a small machine beside each other.
        return {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": self.name},
                "spec": {"model": "tumour", "version": version, "replicas": 2, "resources": {"cpu": "20m", "memory": "64Mi"}, **spec}}

    def deploy(self, version=1, seconds=60, **spec):
        """Applied, until every gateway sends to each of its replicas."""
        self.space.apply(self.manifest(version, **spec))
        self.wait_at(version, seconds)
        self.wait_replicas(spec.get("replicas", 2))

    def patch(self, **spec):
        self.space.patch("modeldeployments", self.name, {"spec": spec})

    def revision(self, version):
        """How the names of its revisions begin."""
        return f"{self.name}-{version}-"

    def change(self, load, old, new, seconds=60, **spec):
        """To another version; both may answer while it goes on, and the new one alone once every gateway says so."""
        load.allow(self.revision(old), self.revision(new))
        self.patch(version=new, **spec)
        self.wait_at(new, seconds)
        load.allow(self.revision(new))

    # ---- What the gateways say

    def gateways(self):
        pods = self.space.pods("app.kubernetes.io/component=gateway")
        return [each["metadata"]["name"] for each in pods if is_ready(each)]

    def rows(self):
        """Of each gateway: revision -> weight, endpoints that it would send to; None of one that does not say."""
        return [self.rows_of(each) for each in self.gateways()]

    def rows_of(self, gateway):
        status, _, told = self.cluster.ask("GET", f"/api/v1/namespaces/{self.space.name}/pods/{gateway}:8081/proxy/observed")
        return {row["revision"]: row for row in told["rows"] if row["deployment"] == self.name} if status == 200 else None

    def is_at(self, version):
        """Whether all gateways send everything to that version."""
        def sends(rows):
            return rows is not None and [name.startswith(self.revision(version)) for name, row in rows.items() if row["weight"] and row["endpoints"]] == [True]
        rows = self.rows()
        return bool(rows) and all(map(sends, rows))

    def wait_at(self, version, seconds=60):
        self.space.wait(lambda: self.is_at(version), f"every gateway sends all of {self.name} to version {version}", seconds)

    def wait_replicas(self, count, seconds=60):
        """Of the revision that gets everything."""
        def connected(rows):
            return rows is not None and [row["endpoints"] for row in rows.values() if row["weight"] and row["endpoints"]] == [count]
        self.space.wait(lambda: all(map(connected, self.rows())), f"{count} replicas of {self.name} are connected", seconds)

    # ---- Requests

    def predict(self, headers=None):
        """Through the gateway -> status, headers, text"""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request("POST", f"/v2/models/{self.name}/infer", self.request.read_bytes(), headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def load(self, *versions, rate=200, connections=8, host=None):
        return Load(host or self.host, self.name, self.request, rate=rate, connections=connections, allow=[self.revision(each) for each in versions])

    # ---- Pods

    def servers(self, version=None):
        """The pods of its revisions."""
        found = self.space.pods(f"slipway.dev/deployment={self.name}")
        return [each for each in found if version is None or each["metadata"]["name"].startswith(self.revision(version))]

    def kill_process(self, pod):
        """SIGKILL to the server in a pod; only where the nodes are on this machine."""
        pid = process_of(pod)
        assert pid, f"nothing of ours runs in {pod['metadata']['name']}"
        os.kill(pid, signal.SIGKILL)


def process_of(pod):
    """The program of ours that runs in a pod on this machine; 0: none."""
    mark = pod["metadata"]["uid"].encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "cgroup").read_bytes() and os.readlink(entry / "exe").endswith("/slipway"):
                return int(entry.name)
        except OSError:
            pass  # it ended meanwhile
    return 0


def is_ready(pod):
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod.get("status", {}).get("conditions", []))
