"""Pods without nodes that run them: a stand-in for kubelets, so that a control plane alone can be put through its histories.

    with Network() as network, Kubelet(cluster, namespace, network): …

Each pod is bound to a node that is none, gets an address of this machine's own (a route makes a whole network local, which needs
root) and becomes ready; at its address, ports 8080 and 8081 answer what a server would. A pod that is deleted is unready at
once and gone a moment later. What a real node does otherwise, tests with real nodes tell. A pod whose annotation ADDRESS says
where it is answers for itself.
"""
import contextlib
import fcntl
import json
import os
import selectors
import socket
import subprocess
import threading
import time
from datetime import datetime, timezone

NODE = "emulated"
ADDRESS = "emulated.test/address"
READY_AFTER, GONE_AFTER = 0.1, 0.1
LEASE_SECONDS = 10
PORTS = (8080, 8081)


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


class Network:
    """10.251.N.0/24, N being nobody else's, as addresses of this machine."""

    def __enter__(self):
        for number in range(256):
            self.lock = open(f"/tmp/slipway-network-{number}.lock", "w")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                self.lock.close()
        self.prefix, self.given, self.mutex = f"10.251.{number}", 0, threading.Lock()
        subprocess.run(["ip", "route", "replace", "local", f"{self.prefix}.0/24", "dev", "lo"], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "route", "del", "local", f"{self.prefix}.0/24", "dev", "lo"], check=False)
        self.lock.close()

    def address(self):
        """The next one; old ones come again, as on a node."""
        with self.mutex:
            self.given += 1
            return f"{self.prefix}.{1 + self.given % 250}"


class Node:
    """The node that pods are bound to; it stays alive while this is entered."""

    def __init__(self, cluster):
        self.cluster, self.ended = cluster, threading.Event()

    def __enter__(self):
        conditions = [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "emulated", "lastHeartbeatTime": now()[:19] + "Z",
                       "lastTransitionTime": now()[:19] + "Z"}]
        self.cluster.ask("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}, "spec": {"unschedulable": True}})
        patch(self.cluster, f"/api/v1/nodes/{NODE}/status", {"status": {"conditions": conditions, "allocatable": {"pods": "10000", "cpu": "1000"}}})
        self.renewing = threading.Thread(target=self.renew, daemon=True)
        self.renewing.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.renewing.join()
        self.cluster.ask("DELETE", f"/api/v1/nodes/{NODE}")  # the cluster forgets the pods of a node that is not there

    def renew(self):
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NODE},
                 "spec": {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": now()}}
        self.cluster.ask("POST", path, lease)
        while not self.ended.wait(LEASE_SECONDS):
            with contextlib.suppress(OSError):
                patch(self.cluster, f"{path}/{NODE}", {"spec": {"renewTime": now()}})


class Kubelet:
    def __init__(self, cluster, namespace, network):
        self.cluster, self.network = cluster, network
        self.path = f"/api/v1/namespaces/{namespace}/pods"
        self.pods = {}  # uid -> Pod
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.failure = None

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        for pod in self.pods.values():
            pod.stop()
        assert self.failure is None, self.failure

    def run(self):
        while not self.ended.wait(0.1):
            try:
                self.look()
            except OSError:
                pass  # the API server may be away
            except Exception as error:  # told by the test, not by a thread that nobody looks at
                self.failure = self.failure or error

    def look(self):
        there = {item["metadata"]["uid"]: item for item in self.cluster.ask("GET", self.path)[2]["items"]}
        for uid in [uid for uid in self.pods if uid not in there]:
            self.pods.pop(uid).stop()
        for uid, item in there.items():
            if uid not in self.pods:
                self.pods[uid] = Pod(self, item)
            self.pods[uid].step(item)


class Pod:
    def __init__(self, kubelet, item):
        self.kubelet, self.path = kubelet, f"{kubelet.path}/{item['metadata']['name']}"
        self.began, self.going, self.ready = time.monotonic(), None, False
        self.address = item["metadata"].get("annotations", {}).get(ADDRESS)
        self.server = None if self.address else Server(kubelet.network.address(), observed(item))
        self.address = self.address or self.server.address
        if not item["spec"].get("nodeName"):
            self.ask("POST", "/binding", {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": item["metadata"]["name"]},
                                          "target": {"apiVersion": "v1", "kind": "Node", "name": NODE}})

    def ask(self, method, sub="", body=None):
        answer = patch(self.kubelet.cluster, self.path + sub, body) if method == "PATCH" else self.kubelet.cluster.ask(method, self.path + sub, body)
        assert answer[0] < 300 or answer[0] in (404, 409), answer  # it may be gone

    def step(self, item):
        if "deletionTimestamp" in item["metadata"]:
            return self.go(item)
        if not self.ready and time.monotonic() > self.began + READY_AFTER:
            self.ready = True
            self.ask("PATCH", "/status", self.status(item, "True"))

    def go(self, item):
        if self.going is None:
            self.going = time.monotonic()
            self.ask("PATCH", "/status", self.status(item, "False"))
        elif time.monotonic() > self.going + GONE_AFTER:
            self.ask("DELETE", "", {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
                                    "preconditions": {"uid": item["metadata"]["uid"]}})

    def status(self, item, ready):
        at = now()[:19] + "Z"
        conditions = [{"type": kind, "status": ready if "eady" in kind else "True", "lastTransitionTime": at}
                      for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
        running = [{"name": each["name"], "image": each["image"], "imageID": each["image"], "ready": ready == "True", "started": True, "restartCount": 0,
                    "state": {"running": {"startedAt": at}}} for each in item["spec"]["containers"]]
        over = [{"name": each["name"], "image": each["image"], "imageID": each["image"], "ready": True, "restartCount": 0,
                 "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}} for each in item["spec"].get("initContainers", [])]
        return {"status": {"phase": "Running", "podIP": self.address, "podIPs": [{"ip": self.address}], "hostIP": self.address, "startTime": at,
                           "conditions": conditions, "containerStatuses": running, "initContainerStatuses": over}}

    def stop(self):
        if self.server:
            self.server.stop()


def observed(item):
    """What the server of that pod says at /observed, by its command line."""
    args = item["spec"]["containers"][0].get("args", [])
    if "--model" not in args:
        return {}
    said = {args[at]: args[at + 1] for at in range(1, len(args) - 1) if args[at].startswith("--")}
    model, version = said["--model"].split("=")[0].split(":")
    return {"inFlight": 0, "arrivals": 0, "queued": 0, "idleSeconds": 1000.0,
            "revisions": [{"revision": said["--revision"], "model": model, "version": int(version), "digest": said["--expect-digest"], "state": "Ready"}]}


class Server:
    """Answers at one address, on a thread; a request a connection."""

    def __init__(self, address, observed):
        self.address, self.observed = address, json.dumps(observed).encode()
        self.wake, self.waker = os.pipe()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.wake, selectors.EVENT_READ)
        self.listeners = [socket.create_server((address, port), backlog=256) for port in PORTS]
        for each in self.listeners:
            self.selector.register(each, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj == self.wake:
                    return
                connection, _ = key.fileobj.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(1)
                    self.answer(connection)

    def answer(self, connection):
        request = b""
        while b"\r\n\r\n" not in request:
            piece = connection.recv(65536)
            if not piece:
                return
            request += piece
        body = self.observed if request.split(b" ")[1].startswith(b"/observed") else b"{}"
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    def stop(self):
        os.write(self.waker, b"x")
        self.thread.join()
        for each in self.listeners:
            each.close()
        os.close(self.wake)
        os.close(self.waker)
        self.selector.close()


def patch(cluster, path, body):
    return cluster.ask("PATCH", path, body, {"Content-Type": "application/strategic-merge-patch+json"})
