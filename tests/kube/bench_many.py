"""2,000 deployments on an API server without nodes: how long our own writes take, what is asked at rest, and what control holds."""
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from audit import Audit
from bench import say
from control import Control
from server import deployment, version

QUIET = 20  # seconds without a write of ours but the Lease's: it is done


def create(space, names):
    """As many at once as a GitOps tool sends."""
    def send(part):
        connection = space.cluster.connect()
        for name in part:
            answer = space.cluster.open(connection, "POST", space.path("modeldeployments"), deployment(name, version=1))
            said = answer.read()
            assert answer.status == 201, said
        connection.close()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, [names[start::8] for start in range(8)]))


def last_write(since):
    """When our last write that is not the Lease's arrived -> (time, how many there were)"""
    writes = [each for each in since.writes() if each["resource"] != "leases"]
    return max((each["at"] for each in writes), default=0), Counter(f"{each['verb']} {each['resource']}" for each in writes), writes


def settle(space, since, count, control):
    """Until each has its children and a status, and nothing has been written for a while."""
    end = time.monotonic() + 900
    while True:
        control.go_on()
        at, counts, _ = last_write(since)
        made = len(space.list("deployments", "apps/v1"))
        say(f"{made} of {count} made", dict(counts))
        if made == count and time.time() - at > QUIET:
            return
        assert time.monotonic() < end, "it does not come to rest"
        time.sleep(3)


def own_writes_done(space, since):
    """The time at which every deployment had its children and its first status: what came after answers what the cluster's controllers wrote."""
    first = {}
    for each in last_write(since)[2]:
        if each["resource"] != "events" and each["code"] < 300:
            first.setdefault((each["verb"], each["resource"], each["name"]), each["at"])
    return max(first.values())


def measure(bed):
    count, rest = bed.many(2000, 100), bed.many(120, 30)
    cluster = bed.cluster("many", "--control-plane-only", "--no-scheduler")
    space = cluster.space("many")
    space.apply(version())
    control = Control(space)
    try:
        time.sleep(3)
        since, start = Audit(cluster), time.time()
        create(space, [f"credit-{number}" for number in range(count)])
        say(f"{count} created in {time.time() - start:.1f} s")
        settle(space, since, count, control)
        done = own_writes_done(space, since) - start
        yield f"{count} deployments created: our own writes done", "≤ 60 s", f"{done:.1f} s", done <= 60
        yield f"our last write of all, after the cluster's controllers ({json.dumps(dict(last_write(since)[1]))})", "-", f"{last_write(since)[0] - start:.1f} s", True
        since = Audit(cluster)
        time.sleep(rest)
        asked, other = since.requests(), [each for each in since.writes() if each["resource"] != "leases"]
        yield "at rest: requests of ours", "≤ 0.3/s", f"{len(asked) / rest:.2f}/s", len(asked) / rest <= 0.3
        yield "at rest: writes besides the Lease", "0", str(len(other)), not other
        yield "memory of control", "≤ 100 MB", f"{control.rss():.0f} MB", control.rss() <= 100
    finally:
        control.stop()
        say(f"control was started again {control.restarts} times")
