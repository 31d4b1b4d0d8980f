"""Two controls of one namespace, each with credentials of its own, so that the audit log tells whose each write was; and what
happens when the one that leads ends, dies, or is stopped for longer than its lease lasts, while its deployments change all the time."""
import itertools
import json
import signal
import threading
import time
from dataclasses import dataclass

import yaml
from audit import Audit
from control import IMAGE, Control
from server import deployment, version

LEASE = "slipway-control"
DEPLOYMENTS = ("credit", "fraud", "churn")
STOPPED = 16  # seconds: longer than a lease lasts


class Candidate:
    """A control that is who nobody else is."""

    def __init__(self, space, name, folder):
        self.space, self.user = space, f"system:serviceaccount:{space.name}:{name}"
        space.kubectl("create", "serviceaccount", name)
        self.may(name)
        kubeconfig = folder / f"{space.name}-{name}"
        kubeconfig.write_text(json.dumps(self.credentials(name)))
        kubeconfig.chmod(0o600)
        self.control = Control(space, kubeconfig=kubeconfig)

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
        self.control.process.send_signal(how)


class Restless:
    """While entered, people change the deployments all the time."""

    def __init__(self, space):
        self.space, self.over, self.failed = space, threading.Event(), []
        self.thread = threading.Thread(target=self.change)

    def change(self):
        connection = self.space.cluster.connect()
        headers = {"Content-Type": "application/merge-patch+json"}
        for number, name in zip(itertools.count(), itertools.cycle(DEPLOYMENTS)):
            if self.over.wait(0.05):
                return connection.close()
            change = {"spec": {"replicas": number % 4 + 1}}
            answer = self.space.cluster.open(connection, "PATCH", self.space.path("modeldeployments", name), change, headers)
            said = answer.read()
            if answer.status != 200:
                self.failed.append(said)

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
    restless: list  # what went wrong for people meanwhile


class Pair:
    """with Pair(space, folder) as pair: pair.fail_over(signal.SIGKILL)"""

    def __init__(self, space, folder):
        self.space, self.since = space, Audit(space.cluster)
        space.apply(version(), *(deployment(name, version=1) for name in DEPLOYMENTS))
        self.candidates = [Candidate(space, f"control-{name}", folder) for name in "ab"]
        space.wait(lambda: sum(each.leads() for each in self.candidates) == 1, "one of two leads", 30)
        self.old, self.new = sorted(self.candidates, key=lambda each: not each.leads())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.candidates:
            each.send(signal.SIGCONT)
            if not each.has_ended():
                each.control.stop()

    def writes(self, of):
        return [each for each in self.since.writes("") if each["user"] == of.user]

    def took_over(self):
        """The first accepted write of the lease by the other one."""
        return next((each for each in self.writes(self.new) if each["resource"] == "leases" and each["code"] < 300), None)

    def fail_over(self, how):
        with Restless(self.space) as people:
            time.sleep(1)
            start = time.time()
            self.old.send(how)
            taken = self.space.wait(self.took_over, f"another leads after {signal.Signals(how).name}", 40)
            if how == signal.SIGSTOP:
                time.sleep(max(2, start + STOPPED - time.time()))  # the other one writes as well
                self.old.send(signal.SIGCONT)
            self.space.wait(self.old.has_ended, "the old one has ended", 40)
            time.sleep(1)
        self.settle()
        after = [each for each in self.writes(self.old) if each["at"] > taken["at"]]
        accepted = [each for each in after if each["code"] < 300]
        return Failover(taken["at"] - start, accepted, len(after) - len(accepted), self.old.control.process.returncode, people.failed)

    def settle(self):
        """What was wanted last is what there is."""
        def settled(name):
            seen = self.space.get("modeldeployments", name)
            children = self.space.list("deployments", "apps/v1", f"slipway.dev/deployment={name}")
            return (seen.get("status", {}).get("observedGeneration") == seen["metadata"]["generation"]
                    and [each["spec"]["replicas"] for each in children] == [seen["spec"]["replicas"]])
        self.space.wait(lambda: all(map(settled, DEPLOYMENTS)), "the new one has done what was wanted last")
