"""Versions changed in every way, one after another, while control is killed: no request fails, and none is answered by a
revision that was not allowed at that instant. Short here, long with SLIPWAY_SOAK=1; SLIPWAY_SEED plays one again."""
import json
import os
import random
import signal
import threading
import time

from conftest import wait_until
from load import check_all_right

LONG = os.environ.get("SLIPWAY_SOAK") == "1"
CHANGES, KILLS, RATE = (300, 50, 2500) if LONG else (10, 3, 500)
LEAST = 500_000 if LONG else 2_000
SEED = int(os.environ.get("SLIPWAY_SEED", random.SystemRandom().randrange(1 << 32)))
VERSIONS = 3


class Story:
    """What happens, as the seed says: each verb changes the version at least once, and returns when the gateway has it."""

    def __init__(self, platform, load, chance):
        self.platform, self.load, self.chance = platform, load, chance
        self.at, self.changes, self.told = 1, 0, []

    def others(self):
        return self.chance.sample([each for each in range(1, VERSIONS + 1) if each != self.at], VERSIONS - 1)

    def allow(self, *versions):
        self.load.allow(*map(self.platform.revision, versions))

    def go(self, version, **rollout):
        self.told.append(f"{time.monotonic():.3f} {time.time() % 86400:.3f} from {self.at} to {version} {rollout}")
        self.platform.patch({"version": version, "rollout": {"strategy": "immediate", "steps": None, "keep": self.chance.choice(["0s", "1m"]), **rollout}})
        self.changes += 1

    def arrive(self, version):
        self.platform.wait_at(version, 60)
        self.allow(version)
        self.at = version

    def at_once(self):
        new = self.others()[0]
        self.allow(self.at, new)
        self.go(new)
        self.arrive(new)

    def by_steps(self):
        new = self.others()[0]
        self.allow(self.at, new)
        self.go(new, strategy="canary", steps=[{"weight": 10, "hold": "50ms"}, {"weight": 50, "hold": "100ms"}])
        self.arrive(new)

    def and_back(self):
        old, new = self.at, self.others()[0]
        self.allow(old, new)
        self.go(new, keep="1m")
        self.arrive(new)
        self.allow(old, new)
        self.go(old)
        self.arrive(old)

    def with_another_in_the_middle(self):
        first, second = self.others()
        self.allow(self.at, first, second)
        self.go(first, strategy="canary", steps=[{"weight": 50, "hold": "1m"}])
        time.sleep(self.chance.uniform(0, 0.4))  # before, while or after the first gets requests
        self.go(second)
        self.arrive(second)

    def with_another_size(self):
        new = self.others()[0]
        self.allow(self.at, new)
        self.go(new)
        self.platform.patch({"replicas": self.chance.randint(1, 3)})
        self.arrive(new)


def kill_now_and_then(platform, chance, ended, pause):
    """Control, at instants that have nothing to do with what it does. -> a list that holds how often"""
    kills = []

    def kill():
        while not ended.wait(chance.uniform(0.5, 1.5) * pause) and len(kills) < KILLS:
            if pid := platform.pid("control"):
                os.kill(pid, signal.SIGKILL)
                kills.append(pid)
    thread = threading.Thread(target=kill)
    thread.start()
    return kills, thread


def test_versions_change_and_control_dies_and_no_request_fails(machine):
    print(f"SLIPWAY_SEED={SEED}")
    chance = random.Random(SEED)
    platform = machine()
    platform.push_salted(VERSIONS)
    platform.deploy()
    ended = threading.Event()
    with platform.load([platform.revision(1)], rate=RATE, connections=16) as load:
        story = Story(platform, load, chance)
        kills, killer = kill_now_and_then(platform, random.Random(SEED + 1), ended, 4 if LONG else 1)
        try:
            while load.report()["failed"] == 0 and (story.changes < CHANGES or len(kills) < KILLS or load.report()["answered"] < LEAST):
                chance.choice([story.at_once, story.by_steps, story.and_back, story.with_another_in_the_middle, story.with_another_size])()
            assert load.report()["failed"] == 0
        except BaseException:
            print("\n".join(story.told), platform.logs(20_000), json.dumps(platform.status()), load.report(), sep="\n")
            raise
        finally:
            ended.set()
            killer.join()
    check_all_right(load.result)
    answered = {name[:len(platform.revision(1))]: seen["answers"] for name, seen in load.result["revisions"].items()}
    print(json.dumps({"seed": SEED, "changes": story.changes, "kills of control": len(kills), "requests": load.result["sent"], "failed": load.result["failed"],
                      "p50 µs": load.result["p50_us"], "p99 µs": load.result["p99_us"], "max µs": load.result["max_us"], **answered}))
    assert len(answered) == VERSIONS
    platform.patch({"rollout": {"keep": "0s"}})
    wait_until(lambda: platform.condition("Ready").get("status") == "True" and len(platform.revisions()) == 1, 60)
    platform.down()
