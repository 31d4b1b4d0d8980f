"""`slipway control` of one namespace run on this machine, against an API server that has no nodes: it writes what it would anywhere,
and nothing comes of its pods but what the cluster's own controllers say."""
import signal
import subprocess
import tempfile
import time
import urllib.request

from cluster import BINARY

IMAGE = "docker.io/library/slipway@sha256:" + "5" * 64  # nobody runs it


class Control:
    def __init__(self, space, *options, kubeconfig=None):
        # Of what is installed, all that its pods ask for before they run.
        space.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "slipway-model"}, "automountServiceAccountToken": False})
        self.command = [BINARY, "control", "--cluster", "--kubeconfig", kubeconfig or space.cluster.kubeconfig, "-n", space.name, "--image", IMAGE,
                        "--admin", "127.0.0.1:0", "--allow-plaintext", *map(str, options)]
        self.restarts = -1
        self.start()

    def start(self):
        self.restarts += 1
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, text=True)

    def go_on(self):
        """One that has lost its Lease ends; in a cluster the kubelet starts it again."""
        if self.process.poll() is not None:
            self.start()

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=40)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def admin(self):
        """Where its admin listener is, once it has said so."""
        end = time.monotonic() + 20
        while not (lines := [line for line in self.said().splitlines() if "admin on " in line]):
            assert time.monotonic() < end and self.process.poll() is None, self.said()
            time.sleep(0.05)
        return lines[0].rsplit("admin on ", 1)[1].split()[0]

    def metrics(self):
        with urllib.request.urlopen(f"{self.admin()}/metrics", timeout=20) as answer:
            return answer.read().decode()

    def rss(self):
        """Megabytes of memory that it holds."""
        with open(f"/proc/{self.process.pid}/status") as said:
            return next(int(line.split()[1]) / 1024 for line in said if line.startswith("VmRSS"))
