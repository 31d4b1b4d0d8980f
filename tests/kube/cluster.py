"""A real API server as tests see it: raw requests, kubectl, and namespaces to work in."""
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "conformance"))
from server import DEFINITIONS, Server, wait_until  # noqa: E402, F401

BINARY = Path(os.environ.get("SLIPWAY_BINARY", ROOT / "build" / "release" / "slipway"))
GROUP = "/apis/slipway.dev/v1alpha1"
NUMBERS = itertools.count(1)
# Whatever our objects hold ends within this; a namespace that is deleted waits for it.
ALL_OURS = ("modeldeployments.slipway.dev", "deployments.apps", "pods")


class Cluster(Server):
    """`bundle` is there when the cluster is ours, so that its parts may be killed and its requests be counted."""

    def __init__(self, kubeconfig, bundle=None):
        super().__init__(kubeconfig)
        self.bundle = bundle
        self.image = None  # how pods name Slipway's image, once it is there
        self.kubectl("apply", "--server-side", "-f", DEFINITIONS)
        self.kubectl("wait", "--for=condition=Established", "-f", DEFINITIONS)

    def space(self, prefix="t"):
        return Space(self, f"{prefix}-{os.getpid()}-{next(NUMBERS)}")

    def is_up(self):
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def metrics(self):
        return self.ask("GET", "/metrics")[2]


class Space:
    """A namespace of one test, in which Pod Security admits what is `restricted` alone."""

    def __init__(self, cluster, name):
        self.cluster, self.name, self.cleanups = cluster, name, []
        self.kubectl_of_cluster = cluster.kubectl
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))

    def remove(self):
        """Does not wait for it: pods take their time, and the next test has a namespace of its own."""
        for each in reversed(self.cleanups):
            each()
        for kind in ALL_OURS:
            self.kubectl("delete", kind, "--all", "--wait=false", "--ignore-not-found", *(("--grace-period=1",) if kind == "pods" else ()), ok=None, timeout=200)
        self.cluster.kubectl("delete", "namespace", self.name, "--wait=false", timeout=200)

    # ---- Asking

    def kubectl(self, *words, **more):
        """kubectl WORDS… in this namespace -> CompletedProcess; ok: must it succeed (True), fail (False) or either (None)."""
        return self.cluster.kubectl("-n", self.name, *words, **more)

    def path(self, plural, name="", group="slipway.dev/v1alpha1"):
        root = "/api/v1" if group == "v1" else f"/apis/{group}"
        return f"{root}/namespaces/{self.name}/{plural}" + (f"/{name}" if name else "")

    def get(self, plural, name, group="slipway.dev/v1alpha1"):
        """The object, or None where there is none."""
        status, _, answer = self.cluster.ask("GET", self.path(plural, name, group))
        assert status in (200, 404), answer
        return answer if status == 200 else None

    def list(self, plural, group="slipway.dev/v1alpha1", selector=""):
        status, _, answer = self.cluster.ask("GET", self.path(plural, "", group) + (f"?labelSelector={selector}" if selector else ""))
        assert status == 200, answer
        return answer["items"]

    def apply(self, *objects):
        """Creates or changes, as `kubectl apply` does."""
        return self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})).stdout

    def patch(self, plural, name, change, group="slipway.dev/v1alpha1", sub=""):
        status, _, answer = self.cluster.ask("PATCH", self.path(plural, name, group) + sub, change, {"Content-Type": "application/merge-patch+json"})
        assert status == 200, answer
        return answer

    def slipway(self, *words, stdin="", timeout=60, env=None):
        """slipway WORDS… on this cluster and namespace -> CompletedProcess."""
        return subprocess.run([BINARY, *map(str, words), "--kubeconfig", self.cluster.kubeconfig, "-n", self.name], input=stdin, capture_output=True,
                              text=True, timeout=timeout, env={**os.environ, **(env or {})})

    def done(self, *words, **more):
        """The same, which must succeed -> what it prints."""
        ended = self.slipway(*words, **more)
        assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    # ---- What is so often looked at

    def status(self, name):
        return (self.get("modeldeployments", name) or {}).get("status", {})

    def condition(self, name, kind):
        return next((each for each in self.status(name).get("conditions", []) if each["type"] == kind), {})

    def revisions(self, name):
        return {each["name"]: each for each in self.status(name).get("revisions", [])}

    def pods(self, selector=""):
        """Those that are not about to go."""
        return [each for each in self.list("pods", "v1", selector) if "deletionTimestamp" not in each["metadata"]]

    def events(self, about=""):
        return [each for each in self.list("events", "v1") if each["involvedObject"]["name"].startswith(about)]

    def describe(self):
        """For whoever reads a failure: what there is and what was said about it."""
        shown = self.kubectl("get", "md,deploy,pods,svc,endpointslices", "-o", "wide", ok=None).stdout
        said = [f"{each['metadata']['name']}: {one['type']} {one['status']} {one['reason']}: {one['message']}"
                for each in self.list("modeldeployments") for one in each.get("status", {}).get("conditions", [])]
        return "\n".join([shown, *said, self.kubectl("get", "events", "--sort-by=.lastTimestamp", ok=None).stdout[-3000:]])

    def wait(self, holds, what, seconds=30):
        """Until it holds; otherwise it says what there is."""
        end = time.monotonic() + seconds
        while not (value := holds()):
            assert time.monotonic() < end, f"not in {seconds} s: {what}\n{self.describe()}"
            time.sleep(0.05)
        return value


def restricted_pod(name, image, *args):
    """One container that ends by itself, as Pod Security asks for."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"restartPolicy": "Never", "automountServiceAccountToken": False,
                     "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                     "containers": [{"name": name, "image": image, "args": list(args),
                                     "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}}]}}
