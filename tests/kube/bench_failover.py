"""How long until another control leads, and whether anything of the old one is accepted then: many pairs at once, each in a namespace
whose deployments change all the time."""
import signal
from concurrent.futures import ThreadPoolExecutor

from bench import say
from leaders import Pair


def fail_over(cluster, folder, how):
    space = cluster.space("leader")
    try:
        with Pair(space, folder) as pair:
            return pair.fail_over(how)
    finally:
        space.remove()


def measure(bed):
    cluster = bed.cluster("failover", "--control-plane-only", "--no-scheduler")
    count, at_once = bed.many(12, 2), 4
    goals = {signal.SIGTERM: ("ended (SIGTERM)", 3), signal.SIGKILL: ("killed (SIGKILL)", 17), signal.SIGSTOP: ("stopped (SIGSTOP, SIGCONT after 16 s)", 17)}
    stale = refused = 0
    for how, (what, goal) in goals.items():
        say(f"{count} leaders are {what}")
        with ThreadPoolExecutor(at_once) as pool:
            done = list(pool.map(lambda _, how=how: fail_over(cluster, bed.folder, how), range(count)))
        seconds = sorted(each.seconds for each in done)
        stale += sum(len(each.stale) for each in done)
        refused += sum(each.refused for each in done)
        yield (f"another leads after one was {what}: longest of {count} (median {seconds[len(seconds) // 2]:.1f} s)", f"≤ {goal} s", f"{seconds[-1]:.1f} s",
               seconds[-1] <= goal)
    yield f"writes of the old one that were accepted afterwards, of {3 * count} ({refused} were refused)", "0", str(stale), stale == 0
