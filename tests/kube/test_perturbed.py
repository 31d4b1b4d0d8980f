"""Whatever befalls control and the gateway between them and the API server, what people did ends as it ends without.

    SLIPWAY_SEED=N SLIPWAY_SEEDS=M SLIPWAY_PERTURB="NAME…" pytest tests/kube/test_perturbed.py

What a seed does is in perturbations.py, what people do in histories.py. Several runs go at once, each in its namespace.
"""
import itertools
import os
import random
import time

import histories
import pytest
from kubelet import Network, Node
from perturbations import KINDS
from world import World

SEED, SEEDS = int(os.environ.get("SLIPWAY_SEED", 1)), int(os.environ.get("SLIPWAY_SEEDS", 0))
AT_ONCE = 5
# In every run of the tests: some of them, others with another seed. SLIPWAY_SEEDS=1 or more: all, with so many seeds.
SAMPLE = 4


def chosen():
    if named := os.environ.get("SLIPWAY_PERTURB", "").split():
        return [(seed, name) for seed in range(SEED, SEED + max(1, SEEDS)) for name in named]
    if SEEDS:
        return list(itertools.product(range(SEED, SEED + SEEDS), KINDS))
    return [(SEED, name) for name in random.Random(SEED).sample(sorted(KINDS), SAMPLE)]


@pytest.fixture(scope="module")
def bed(control_plane):
    with Network() as network, Node(control_plane):
        yield control_plane, network


@pytest.fixture(scope="module")
def undisturbed(bed):
    """What is there in the end when nothing befalls anybody."""
    with World(*bed) as world:
        return world.play()


def play_all(worlds):
    """At once; -> the end state of each."""
    for world in worlds:
        world.begin()
    running = list(worlds)
    while running := [world for world in running if not world.step()]:
        time.sleep(0.05)
    return [world.finish() for world in worlds]


def test_nothing_that_happened_before_matters(bed, undisturbed):
    """The measure itself: another run without perturbations ends the same."""
    with World(*bed) as world:
        assert not histories.differences(undisturbed, world.play())


@pytest.mark.parametrize("batch", [chosen()[at:at + AT_ONCE] for at in range(0, len(chosen()), AT_ONCE)],
                         ids=lambda batch: "+".join(f"{name}-{seed}" for seed, name in batch))
def test_perturbed_histories_end_as_the_undisturbed_do(bed, undisturbed, batch):
    from contextlib import ExitStack
    with ExitStack() as ends:
        worlds = [ends.enter_context(World(*bed, seed=seed, kinds=(name,))) for seed, name in batch]
        found = {name: histories.differences(undisturbed, end) for (_, name), end in zip(batch, play_all(worlds), strict=True)}
        wrong = {name: differences for name, differences in found.items() if differences}
        assert not wrong, "\n".join(f"{name}: {line}" for name, lines in wrong.items() for line in lines[:20]) + "".join(
            world.describe() for world in worlds if world.kinds[0] in wrong)
