"""The API server gone for a while, and a gateway restarted meanwhile."""
import os
import signal
import subprocess
import time

from audit import Audit
from installed import process_of


class Outage:
    """Requests go to each gateway by its pod's own address: while nobody tells the nodes of changes, the service goes on sending new
    connections to a gateway that is just starting, on any platform."""

    def __init__(self, platform):
        self.platform, self.bundle = platform, platform.cluster.bundle
        pods = platform.space.pods("app.kubernetes.io/component=gateway")
        self.stays, self.restarts = sorted(pods, key=lambda pod: pod["metadata"]["name"])[:2]

    def to(self, pod, rate):
        return self.platform.load(1, rate=rate, host=f"{pod['status']['podIP']}:8080")

    def run(self, seconds, rate=100):
        """-> what became of the requests, of each phase; and the audit log from when the API server came back"""
        with self.to(self.stays, rate) as load, self.to(self.restarts, rate) as before:
            load.wait_for(50)
            before.wait_for(50)
            self.bundle.kill("apiserver")
            end = time.monotonic() + seconds
            load.wait_for(100)
            before.wait_for(100)
            before.stop()
            self.restart(self.restarts)
            with self.to(self.restarts, rate) as after:
                while time.monotonic() < end:
                    time.sleep(0.2)
                since = Audit(self.platform.cluster)
                self.bundle.start("apiserver")
                self.platform.space.wait(self.platform.cluster.is_up, "the API server is back", 60)
                time.sleep(30)  # whoever lists anew has done so
                after.wait_for(50)
                load.wait_for(50)
        return [load.result, before.result, after.result], since

    def restart(self, pod):
        """The gateway ends as at an upgrade, and its node starts it again: it has its own disk to go by, and nobody to ask."""
        pid = process_of(pod)
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 150
        while not (again := process_of(pod)) or again == pid or not answers(pod):
            assert time.monotonic() < end, "the gateway has not come back"
            time.sleep(0.1)


def answers(pod):
    return subprocess.run(["curl", "-sf", "--max-time", "1", f"http://{pod['status']['podIP']}:8081/readyz"], capture_output=True, check=False).returncode == 0


def most_lists(since):
    """The most often that one process listed one kind."""
    counts = {}
    for each in since.lists():
        key = (each["from"], each["agent"], each["resource"])
        counts[key] = counts.get(key, 0) + 1
    return max(counts.values(), default=0), counts
