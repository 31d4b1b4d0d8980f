"""bench [NAME…] [--json FILE] [--short]: what a real cluster makes of Slipway, each figure beside its goal.

  size       our definitions
  storm      failed requests over 50 version changes, 50 scalings, kills, crashes and drains at constant load
  first      from `kubectl apply` to the first prediction, with image and model on the node
  outage     ten minutes without the API server, a gateway restarted meanwhile
  many       2,000 deployments on an API server without nodes
  failover   another control takes over

Needs root and the bundle, as README.md says. --short: the same with small numbers, to see that it works.
"""
import argparse
import contextlib
import importlib
import json
import os
import signal
import sys
import tarfile
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bundle as bundles  # noqa: E402
from cluster import ROOT, Cluster  # noqa: E402

sys.path.append(str(ROOT / "tests" / "e2e"))
NAMES = ("size", "storm", "first", "outage", "many", "failover")


@dataclass
class Figure:
    what: str
    goal: str
    figure: str
    holds: bool


class Bed:
    """Clusters, started when the first figure needs them and ended at the end."""

    def __init__(self, stack, short):
        self.stack, self.short = stack, short
        self.made = None
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipway-bench-")))

    def many(self, long, short):
        return short if self.short else long

    def cluster(self, name, *shape):
        started = bundles.Bundle(f"bench-{name}", *shape).up()
        self.stack.callback(started.down)
        return Cluster(started.kubeconfig, started)

    def installed(self):
        """Slipway on two nodes, with its registry and two versions."""
        if not self.made:
            from installed import Installed
            cluster = self.cluster("nodes", "--workers", "2")
            cluster.bundle.load_image(archive := ROOT / "build" / "image" / "slipway.tar")
            with tarfile.open(archive) as tar:
                digest = json.load(tar.extractfile("index.json"))["manifests"][0]["digest"]
            space = cluster.space("slipway")
            self.made = Installed(space, f"docker.io/library/slipway@{digest}", self.folder)
            self.made.push_salted(1, 2)
        return self.made.fresh()


def say(*words):
    print(f"{time.strftime('%H:%M:%S')}", *words, file=sys.stderr, flush=True)


def show(figures):
    width = [max(len(getattr(each, field)) for each in figures) for field in ("what", "goal", "figure")]
    for each in figures:
        print(f"{each.what:<{width[0]}}  {each.goal:>{width[1]}}  {each.figure:>{width[2]}}  {'' if each.holds else 'MISSED'}".rstrip())


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all when none is named")
    options.add_argument("--json", type=Path)
    options.add_argument("--short", action="store_true")
    told = options.parse_args()
    if reason := bundles.why_not():
        print(f"bench-kube: NOT MEASURED: {reason}")
        return 0
    os.environ.update(KUBERC="off", no_proxy="127.0.0.1,localhost,10.0.0.0/8", NO_PROXY="127.0.0.1,localhost,10.0.0.0/8")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended then, too
    figures = []
    with contextlib.ExitStack() as stack:
        bed = Bed(stack, told.short)
        for name in told.names or NAMES:
            say(f"== {name}")
            figures += [Figure(*each) for each in importlib.import_module(f"bench_{name}").measure(bed)]
    show(figures)
    if told.json:
        told.json.write_text(json.dumps([asdict(each) for each in figures], indent=1) + "\n")
    return 0 if all(each.holds for each in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
