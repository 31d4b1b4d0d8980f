"""Whatever befalls control and the gateway between them and the API server, what people did ends as it ends without.

    SLIPWAY_SEED=N SLIPWAY_PERTURB="NAME NAME+NAME…" pytest tests/kube/test_perturbed.py

What a seed does is in perturbations.py, what people do in histories.py. A few perturbations in every run of the tests, all of
them with SLIPWAY_SOAK=1. Several runs go at once, each in its namespace.
"""
import os
import random
import time
from contextlib import ExitStack

import histories
import perturbations
import pytest
from kubelet import Network, Node
from world import LOOK, World

SOAK = os.environ.get("SLIPWAY_SOAK") == "1"
SEED = int(os.environ.get("SLIPWAY_SEED", random.SystemRandom().randrange(1 << 32)))
AT_ONCE = 4
SAMPLE = 3
SEEDS = 3  # each perturbation with so many, in the long form


def chosen():
    """(seed, kinds), so many at once."""
    everything = perturbations.names(perturbations.OF_CALLS, perturbations.OF_WRITES, perturbations.OF_WATCHES)
    runs = [(SEED, name) for name in os.environ.get("SLIPWAY_PERTURB", "").split()]
    if not runs and SOAK:
        runs = [(seed, name) for seed in range(SEED, SEED + SEEDS) for name in everything]
    runs = runs or [(SEED, name) for name in random.Random(SEED).sample(everything, SAMPLE)]
    return [runs[at:at + AT_ONCE] for at in range(0, len(runs), AT_ONCE)]


@pytest.fixture(scope="module")
def bed(control_plane):
    with Network() as network, Node(control_plane):
        yield control_plane, network


@pytest.fixture(scope="module")
def undisturbed(bed):
    """What is there in the end when nothing befalls anybody."""
    with World(*bed) as world:
        return world.play()


def play_all(worlds, wanted=None):
    """At once; -> the end state of each. `wanted`: what it is to be, of each."""
    for world in worlds:
        world.begin()
    running = list(worlds)
    while running := [world for world in running if not world.step()]:
        time.sleep(LOOK)
    return [world.finish(end) for world, end in zip(worlds, wanted or [None] * len(worlds), strict=True)]


@pytest.mark.skipif(not SOAK, reason="in the long form")
def test_nothing_that_happened_before_matters(bed, undisturbed):
    """The measure itself: another run without perturbations ends the same."""
    with World(*bed) as world:
        assert not histories.differences(undisturbed, world.play())


@pytest.mark.parametrize("batch", chosen(), ids=lambda batch: "-".join(name for _, name in batch))
def test_perturbed_histories_end_as_the_undisturbed_do(bed, undisturbed, batch):
    with ExitStack() as ends:
        worlds = [ends.enter_context(World(*bed, seed=seed, kinds=kinds)) for seed, kinds in batch]
        found = [(world, histories.differences(undisturbed, end)) for world, end in zip(worlds, play_all(worlds, [undisturbed] * len(worlds)), strict=True)]
        wrong = [f"{world.kinds}, SLIPWAY_SEED={world.seed}:\n" + "\n".join(lines[:20]) + world.describe() for world, lines in found if lines]
        assert not wrong, "\n\n".join(wrong)
