"""From `kubectl apply` to the first prediction, with the image and the model's files on the node."""
import statistics
import time


def once(platform):
    platform.fresh()
    manifest = platform.manifest(1, replicas=1)
    start = time.monotonic()
    platform.space.apply(manifest)
    while platform.predict()[0] != 200:
        assert time.monotonic() - start < 120, platform.space.describe()
        time.sleep(0.02)
    took = time.monotonic() - start
    platform.space.kubectl("delete", "md", platform.name)
    return took


def measure(bed):
    platform = bed.installed()
    for _ in range(4):
        once(platform)  # each node has seen image and files
    took = [once(platform) for _ in range(bed.many(20, 3))]
    yield f"apply to first prediction, worst of {len(took)} (median {statistics.median(took):.2f} s)", "≤ 5 s", f"{max(took):.2f} s", max(took) <= 5
