"""Everything that people and machines do to a deployment, in turn, while requests go on."""
import itertools
import time

from installed import is_ready


class Storm:
    """`done` counts what has happened. Each thing has come to its end before the next begins, as rollouts, scalings and drains do on a
    cluster whose people are not in a hurry; requests are out at every instant."""

    def __init__(self, platform, load, versions=(1, 2)):
        self.platform, self.space, self.load = platform, platform.space, load
        self.versions = itertools.cycle(versions[1:] + versions[:1])
        self.current, self.replicas = versions[0], 2
        self.done = {"changes": 0, "scalings": 0, "kills": 0, "crashes": 0, "drains": 0}

    def change(self):
        new = next(self.versions)
        self.platform.change(self.load, self.current, new, seconds=120)
        self.current = new
        self.done["changes"] += 1

    def scale(self):
        self.replicas = 3 if self.replicas == 2 else 2
        self.space.kubectl("scale", f"md/{self.platform.name}", f"--replicas={self.replicas}")
        self.platform.wait_replicas(self.replicas, 120)
        self.done["scalings"] += 1

    def serving(self):
        return [each for each in self.platform.servers(self.current) if is_ready(each)]

    def kill(self):
        """Somebody deletes a pod."""
        self.space.kubectl("delete", "pod", self.serving()[0]["metadata"]["name"], "--wait=false")
        self.whole()
        self.done["kills"] += 1

    def crash(self):
        """A server dies at once, with whatever it was answering."""
        self.platform.kill_process(self.serving()[0])
        self.whole()
        self.done["crashes"] += 1

    def drain(self):
        """A node is emptied by evictions, and comes back."""
        node = self.serving()[0]["spec"]["nodeName"]
        pods = f"--pod-selector=slipway.dev/deployment={self.platform.name}"
        self.space.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", pods, "--timeout=200s", timeout=220)
        self.space.kubectl("uncordon", node)
        self.whole()
        self.done["drains"] += 1

    def whole(self):
        """Until as many serve as shall. The cluster takes a moment to see that one has gone."""
        time.sleep(0.5)
        self.platform.wait_at(self.current, 120)
        self.platform.wait_replicas(self.replicas, 120)
