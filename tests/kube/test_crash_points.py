"""Control dies (kill -9) right before or right after any of its writes, and whoever comes next ends what it began.

The writes of a history are counted in a run in which nobody dies; then each of them is a point to die at, twice: the server has
not got it, or control has not heard that it did. A few points in every run of the tests, all with SLIPWAY_SOAK=1.

    SLIPWAY_POINT="HISTORY N before" pytest tests/kube/test_crash_points.py
"""
import os
import random
import threading
from contextlib import ExitStack

import histories
import pytest
from kubelet import Network, Node
from perturbation import Cut
from test_perturbed import SEED, SOAK, play_all
from world import World

# Each death costs a lease's time.
pytestmark = pytest.mark.long

# What is written by the clock, and what is only told: neither is a step of anything.
NOT_COUNTED = ("leases", "events")
PLAYED = ("change-version", "scale", "canary", "delete", "delete-and-recreate", "roll-back")
AT_ONCE, SAMPLE = 4, 4


class Death:
    """Of control, at its n-th write; without a number it only counts."""

    def __init__(self, number=None, when="before"):
        self.number, self.when = number, when
        self.mutex, self.numbers, self.died = threading.Lock(), {}, False

    def __call__(self, world, call, number, when):
        if call.resource in NOT_COUNTED:
            return
        with self.mutex:
            mine = self.numbers.setdefault(number, len(self.numbers))
            if (mine, when) != (self.number, self.when) or self.died:
                return
            self.died = True
        world.kill_control()
        world.log(f"died {when} its write {mine}: {call.method} {call.path}")
        raise Cut

    @property
    def writes(self):
        return len(self.numbers)


@pytest.fixture(scope="module")
def bed(control_plane):
    with Network() as network, Node(control_plane):
        yield control_plane, network


@pytest.fixture(scope="module")
def undisturbed(bed):
    """{history: (how many writes it took, its end)}"""
    with ExitStack() as ends:
        deaths = {name: Death() for name in PLAYED}
        worlds = [ends.enter_context(World(*bed, names=(name,), on_write=deaths[name])) for name in PLAYED]
        return {name: (deaths[name].writes, end) for name, end in zip(PLAYED, play_all(worlds), strict=True)}


def chosen(undisturbed):
    if named := os.environ.get("SLIPWAY_POINT", "").split():
        return [(named[0], int(named[1]), named[2])]
    every = [(name, number, when) for name, (writes, _) in undisturbed.items() for number in range(writes) for when in ("before", "after")]
    return every if SOAK else random.Random(SEED).sample(every, SAMPLE)


def test_whoever_comes_next_ends_what_a_dead_control_began(bed, undisturbed):
    points, wrong, died = chosen(undisturbed), [], 0
    for at in range(0, len(points), AT_ONCE):
        with ExitStack() as ends:
            deaths = [Death(number, when) for _, number, when in points[at:at + AT_ONCE]]
            worlds = [ends.enter_context(World(*bed, names=(name,), on_write=death)) for (name, _, _), death in zip(points[at:], deaths)]
            wanted = [undisturbed[world.names[0]][1] for world in worlds]
            for world, death, end in zip(worlds, deaths, play_all(worlds, wanted), strict=True):
                died += death.died
                if lines := histories.differences(undisturbed[world.names[0]][1], end):
                    point = f'SLIPWAY_POINT="{world.names[0]} {death.number} {death.when}"'
                    wrong.append(f"{point}\n" + "\n".join(lines[:20]) + world.describe())
    assert not wrong, f"{len(wrong)} of {len(points)} points:\n" + "\n\n".join(wrong)
    # A run may take a write less than the one that was counted.
    assert died >= 0.9 * len(points) - 1, f"control died at {died} of {len(points)} points"
