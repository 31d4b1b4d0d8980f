"""Two controls of one namespace, each with credentials of its own, so that the audit log tells whose each write was; and what
happens when the one that leads ends, dies, or is stopped for longer than its lease lasts, while its deployments change all the time."""
import asyncio
import contextlib
import itertools
import json
import signal
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException

import yaml
from audit import Audit
from control import IMAGE, Control
from perturbation import Perturbation
from perturbing_proxy import Proxy
from server import deployment, version

LEASE = "slipway-control"
DEPLOYMENTS = ("credit", "fraud", "churn")
PATIENCE = 120  # seconds, on a machine that has much else to do
STOPPED = 16  # seconds: longer than a lease lasts


class Candidate:
    """A control that is who nobody else is; `held` stands between it and the server."""

    def __init__(self, space, name, folder, held=None):
        self.space, self.user, self.proxy = space, f"system:serviceaccount:{space.name}:{name}", None
        space.kubectl("create", "serviceaccount", name)
        self.may(name)
        kubeconfig = folder / f"{space.name}-{name}"
        kubeconfig.write_text(json.dumps(self.credentials(name)))
        kubeconfig.chmod(0o600)
        if held:
            self.proxy = Proxy(kubeconfig, folder / name, [held]).start()
            kubeconfig = self.proxy.kubeconfig
        self.control = Control(space, kubeconfig=kubeconfig)

    def stop(self):
        self.send(signal.SIGCONT)
        try:
            if not self.has_ended():
                self.control.stop()
        finally:
            if self.proxy:
                self.proxy.stop()

    def may(self, name):
        """What an installed control may, and no more."""
        made = yaml.safe_load_all(self.space.done("install", "--image", IMAGE))
        self.space.apply(next(each for each in made if each["kind"] == "Role" and each["metadata"]["name"] == LEASE))
        self.space.kubectl("create", "serviceaccount", "slipway-model", ok=None)  # of the pods
        self.space.kubectl("create", "rolebinding", name, f"--role={LEASE}", f"--serviceaccount={self.space.name}:{name}")

    def credentials(self, name):
        cluster = yaml.safe_load(self.space.cluster.kubeconfig.read_text())["clusters"][0]
        return {"apiVersion": "v1", "kind": "Config", "current-context": name, "clusters": [cluster],
                "users": [{"name": name, "user": {"token": self.space.kubectl("create", "token", name).stdout.strip()}}],
                "contexts": [{"name": name, "context": {"cluster": cluster["name"], "user": name, "namespace": self.space.name}}]}

    def leads(self):
        """As its own log says."""
        said = self.control.said()
        return '"message":"leading"' in said and '"message":"leading no longer"' not in said

    def has_ended(self):
        return self.control.process.poll() is not None

    def send(self, how):
        if not self.has_ended():
            self.control.process.send_signal(how)


class Held(Perturbation):
    """While it is shut, writes (of anything but the Lease) stay under way. What becomes of them is remembered."""

    def __init__(self):
        super().__init__(0)
        self.shut, self.under_way, self.became = threading.Event(), [], []

    async def call(self, call, then):
        if not (self.shut.is_set() and call.is_write) or call.resource == "leases":
            return await then(call)
        self.under_way.append(call)
        while self.shut.is_set():
            await asyncio.sleep(0.02)
        answer = await then(call)
        self.became.append((call.method, call.path, answer.status))
        return answer


class Restless:
    """While entered, people change the deployments all the time."""

    def __init__(self, space):
        self.space, self.over = space, threading.Event()
        self.thread = threading.Thread(target=self.change)

    def change(self):
        for number, name in zip(itertools.count(), itertools.cycle(DEPLOYMENTS)):
            if self.over.wait(0.05):
                return
            with contextlib.suppress(OSError, HTTPException, AssertionError):  # people try again
                self.space.patch("modeldeployments", name, {"spec": {"replicas": number % 4 + 1}})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@dataclass
class Failover:
    """What became of a leader that ended, died or was stopped."""
    seconds: float  # until another held the lease
    stale: list  # writes of the old one that were accepted afterwards
    refused: int  # those that were not
    ended: int  # the old one's exit code


class Pair:
    """with Pair(space, folder) as pair: pair.fail_over(signal.SIGKILL)"""

    def __init__(self, space, folder, held=None):
        self.space, self.since = space, Audit(space.cluster)
        space.apply(version(), *(deployment(name, version=1) for name in DEPLOYMENTS))
        self.held, self.candidates = held, [Candidate(space, "control-a", folder, held)]
        if held:  # it is the one that is to lead
            space.wait(self.candidates[0].leads, "the only one leads", PATIENCE)
        self.candidates.append(Candidate(space, "control-b", folder))
        space.wait(lambda: sum(each.leads() for each in self.candidates) == 1, "one of two leads", PATIENCE)
        self.old, self.new = sorted(self.candidates, key=lambda each: not each.leads())
        self.settle()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.candidates:
            each.stop()

    def writes(self, of):
        return [each for each in self.since.writes("") if each["user"] == of.user]

    def took_over(self):
        """The first accepted write of the lease by the other one."""
        return next((each for each in self.writes(self.new) if each["resource"] == "leases" and each["code"] < 300), None)

    def fail_over(self, how):
        with Restless(self.space):
            time.sleep(1)
            if self.held:
                self.held.shut.set()
                self.space.wait(lambda: self.held.under_way, "a write is under way", PATIENCE)
            start = time.time()
            self.old.send(how)
            taken = self.space.wait(self.took_over, f"another leads after {signal.Signals(how).name}", PATIENCE)
            if how == signal.SIGSTOP:
                time.sleep(max(2, start + STOPPED - time.time()))  # the other one writes as well
        self.settle()
        if self.held:
            self.held.shut.clear()
            self.space.wait(lambda: len(self.held.became) == len(self.held.under_way), "what was under way has come to its end", PATIENCE)
        self.old.send(signal.SIGCONT)
        self.space.wait(self.old.has_ended, "the old one has ended", PATIENCE)
        time.sleep(1)
        self.settle()
        after = [each for each in self.writes(self.old) if each["at"] > taken["at"]]
        accepted = [each for each in after if each["code"] < 300]
        return Failover(taken["at"] - start, accepted, len(after) - len(accepted), self.old.control.process.returncode)

    def settle(self):
        """What was wanted last is what there is."""
        def settled(name):
            seen = self.space.get("modeldeployments", name)
            children = self.space.list("deployments", "apps/v1", f"slipway.dev/deployment={name}")
            return (seen.get("status", {}).get("observedGeneration") == seen["metadata"]["generation"]
                    and [each["spec"]["replicas"] for each in children] == [seen["spec"]["replicas"]])
        self.space.wait(lambda: all(map(settled, DEPLOYMENTS)), "what was wanted last has been done", PATIENCE)
