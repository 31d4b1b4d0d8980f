"""A seeded history of what control tells gateways, over any API: deployments with their weights, and where replicas answer.

It knows what a gateway must make of it in the end, whatever happened on the way.
"""
import random

NAMES = ("credit", "tumour", "spam", "churn")
REPLICAS = 12  # of each deployment, and so many sockets
STEADY = "steady"  # is there from the beginning and never changes


def sockets():
    return [f"{name}-{number}.sock" for name in (*NAMES, STEADY) for number in range(REPLICAS)]


class Told:
    def __init__(self, server, namespace, seed):
        self.server, self.random = server, random.Random(seed)
        self.deployments = f"/apis/slipway.dev/v1alpha1/namespaces/{namespace}/modeldeployments"
        self.slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        self.there = {}  # deployment -> {revision: (weight, {socket: ready})}
        self.made = 0

    def rows(self):
        """What a gateway must say of it: {revision: (weight, endpoints)}."""
        return {revision: (weight, sum(ready.values())) for revisions in self.there.values() for revision, (weight, ready) in revisions.items()}

    # ---- Requests

    def ask(self, method, path, body=None):
        kind = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
        status, _, answer = self.server.ask(method, path, body, kind)
        assert status < 300, (method, path, answer)
        return answer

    def put_status(self, name):
        revisions = [{"name": revision, "version": int(revision.split("-")[1]), "digest": "sha256:" + "1" * 64, "weight": weight}
                     for revision, (weight, _) in self.there[name].items()]
        self.ask("PATCH", f"{self.deployments}/{name}/status", {"status": {"observedGeneration": 1, "revisions": revisions}})

    def slice(self, name, revision):
        _, ready = self.there[name][revision]
        endpoints = [{"addresses": [socket], "conditions": {"ready": up, "serving": up}} for socket, up in ready.items()]
        labels = {"kubernetes.io/service-name": revision, "slipway.dev/deployment": name}
        return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": revision, "labels": labels},
                "addressType": "FQDN", "endpoints": endpoints}

    def add_revision(self, name, weight):
        self.made += 1
        ready = {f"{name}-{number}.sock": True for number in self.random.sample(range(REPLICAS), 2)}
        revision = f"{name}-{self.made}-{self.made:08x}"
        self.there[name][revision] = (weight, ready)
        self.ask("POST", self.slices, self.slice(name, revision))

    # ---- Steps

    def create(self, name):
        self.there[name] = {}
        self.ask("POST", self.deployments, {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": name},
                                            "spec": {"model": name, "version": 1}})
        self.add_revision(name, 100)
        self.put_status(name)

    def shift(self, name):
        """To a new revision, whose share grows; the old one goes."""
        old = next(iter(self.there[name]))
        if len(self.there[name]) == 1:
            self.add_revision(name, 0)
            self.put_status(name)
            return
        new = list(self.there[name])[1]
        weight = min(100, self.there[name][new][0] + self.random.choice((10, 50, 100)))
        self.there[name] = {revision: (weight if revision == new else 100 - weight, ready) for revision, (_, ready) in self.there[name].items()}
        self.put_status(name)
        if weight == 100:
            del self.there[name][old]
            self.put_status(name)
            self.ask("DELETE", f"{self.slices}/{old}")

    def flip(self, name):
        """A replica of it comes or goes."""
        revision = self.random.choice(list(self.there[name]))
        _, ready = self.there[name][revision]
        socket = self.random.choice(list(ready))
        ready[socket] = not ready[socket]
        self.ask("PATCH", f"{self.slices}/{revision}", {"endpoints": self.slice(name, revision)["endpoints"]})

    def touch(self, name):
        """Somebody edits what is nobody's."""
        self.ask("PATCH", f"{self.deployments}/{name}", {"metadata": {"annotations": {"edited": str(self.random.random())}}})

    def delete(self, name):
        self.ask("DELETE", f"{self.deployments}/{name}")
        for revision in self.there.pop(name):
            self.ask("DELETE", f"{self.slices}/{revision}")

    def recreate(self, name):
        self.delete(name)
        self.create(name)

    def step(self):
        name = self.random.choice(NAMES)
        if name not in self.there:
            return self.create(name)
        return self.random.choices((self.shift, self.flip, self.touch, self.delete, self.recreate), (8, 6, 2, 1, 2))[0](name)
