"""Control and a gateway on a control plane, in a namespace of their own, each behind a proxy that perturbs; pods are emulated."""
import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import histories
from cluster import BINARY
from kept import Kept
from kubelet import ADDRESS, Kubelet
from perturbations import make
from perturbing_proxy import Proxy

LOOK, REST = 0.1, 30
SECONDS = 180  # for the histories to end, whatever happens


class World:
    """One run: `with World(…) as world: world.play(); world.end`."""

    def __init__(self, cluster, network, seed=0, kinds="", names=tuple(histories.HISTORIES), on_write=None):
        self.cluster, self.network, self.seed, self.kinds, self.names, self.on_write = Kept(cluster), network, seed, kinds, names, on_write
        self.control, self.told = None, []

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-"))
        with contextlib.ExitStack() as ends:
            ends.callback(shutil.rmtree, self.folder)
            self.space = self.cluster.space("p")
            ends.callback(self.remove_space)
            self.cluster.post(self.space.path("serviceaccounts", group="v1"), {"metadata": {"name": "slipway-model"}, "automountServiceAccountToken": False})
            ends.enter_context(Kubelet(self.cluster, self.space.name, self.network))
            self.proxies = {who: ends.enter_context(self.proxy(who)) for who in ("control", "gateway")}
            ends.callback(self.stop_all)
            self.start_gateway()
            self.start_control()
            self.ends = ends.pop_all()
        return self

    def __exit__(self, *_):
        self.ends.close()

    def remove_space(self):
        """Does not wait; no kubelet will say that the pods have gone."""
        for plural, group in (("modeldeployments", "slipway.dev/v1alpha1"), ("deployments", "apps/v1")):
            self.cluster.ask("DELETE", self.space.path(plural, group=group))
        self.cluster.ask("DELETE", self.space.path("pods", group="v1") + "?gracePeriodSeconds=0")
        self.cluster.ask("DELETE", f"/api/v1/namespaces/{self.space.name}")

    def proxy(self, who):
        return Proxy(self.cluster.kubeconfig, self.folder / who, make(self.kinds, self.seed), self.space.name,
                     on_write=self.on_write and who == "control" and (lambda *about: self.on_write(self, *about)))

    # ---- Processes

    def start(self, who, *words):
        with (self.folder / f"{who}.log").open("ab") as log:
            return subprocess.Popen([BINARY, who, "--cluster", "--kubeconfig", self.proxies[who].kubeconfig, "-n", self.space.name, *words],
                                    stdout=subprocess.DEVNULL, stderr=log)

    def start_control(self):
        self.control = self.start("control", "--image", histories.IMAGE, "--admin", "127.0.0.1:0")

    def start_gateway(self):
        address = self.network.address()
        self.gateway = self.start("gateway", "--data", self.folder / "data", "--listen", f"{address}:8080", "--admin", f"{address}:8081", "--allow-plaintext")
        container = {"name": "gateway", "image": histories.IMAGE, "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
        labels = {"app.kubernetes.io/part-of": "slipway", "app.kubernetes.io/component": "gateway"}
        security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
        self.cluster.post(self.space.path("pods", group="v1"), {"metadata": {"name": "gateway", "annotations": {ADDRESS: address}, "labels": labels},
                                                                "spec": {"serviceAccountName": "slipway-model", "containers": [container],
                                                                         "securityContext": security}})

    def kill_control(self):
        """kill -9, until it has ended; step() starts another. Its Lease goes with it: to wait until it is over would prove no more."""
        self.control.kill()
        self.control.wait()
        self.cluster.ask("DELETE", self.space.path("leases", "slipway-control", "coordination.k8s.io/v1"))

    def log(self, line):
        self.told.append(line)

    def stop_all(self):
        for process in (self.control, self.gateway):
            if process and process.poll() is None:
                process.terminate()
        for process in (self.control, self.gateway):
            if process:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    # ---- The run

    def begin(self):
        self.run = histories.Play(self.space, self.names)
        self.until = time.monotonic() + SECONDS

    def step(self):
        """True: it has ended."""
        if self.control.poll() is not None:
            # Killed, or it has lost its Lease to whatever befell it: what runs it starts it anew, as a kubelet would.
            assert self.control.returncode in (-signal.SIGKILL, 1), f"control ended with {self.control.returncode}: {self.describe()}"
            self.log(f"control ended with {self.control.returncode}")
            self.start_control()
        self.run.step()
        return self.run.done() or time.monotonic() > self.until

    def play(self):
        self.begin()
        while not self.step():
            time.sleep(LOOK)
        return self.finish()

    def finish(self, wanted=None):
        """What is there in the end; `wanted`: what it is to become."""
        assert self.run.done(), f"after {SECONDS} s these wait: {self.run.waiting()}\n{self.describe()}"
        return histories.at_rest(self.space, REST, wanted)

    def describe(self):
        logs = "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-4000:]}" for path in sorted(self.folder.glob("*.log")))
        done = "\n".join(str(each) for proxy in self.proxies.values() for each in proxy.done[-15:])
        return f"seed {self.seed}, {self.kinds or 'nothing'}\n{self.space.describe()}\n{logs}\n== perturbed\n{done}\n" + "\n".join(self.told)
