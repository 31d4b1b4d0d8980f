"""Commands whose calls are refused, slow, or lose their connection: whoever says them again gets what they asked for, once.

Two kinds of what may befall them in every run of the tests, all with SLIPWAY_SOAK=1; SLIPWAY_SEED plays it again."""
import json
import os
import random
import subprocess
import time

import perturbations
import pytest
from cluster import BINARY, GROUP, ROOT
from perturbing_proxy import Proxy
from server import Control

SEED = int(os.environ.get("SLIPWAY_SEED", random.SystemRandom().randrange(1 << 32)))
SOAK = os.environ.get("SLIPWAY_SOAK") == "1"
ALL = perturbations.names(perturbations.OF_CALLS, perturbations.OF_WRITES)
KINDS = ALL if SOAK else ["CutAfterWrites", random.Random(SEED).choice([each for each in ALL if each != "CutAfterWrites"])]
TRIES, PAUSE = 60, 0.2
SECONDS = 1.0  # that each command is perturbed for
MANIFEST = {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "other"}, "spec": {"model": "tumour", "version": 1}}
COMMANDS = (
    ("push", ROOT / "examples" / "tumour", "--name", "tumour"),
    ("push", ROOT / "examples" / "tumour-2", "--name", "tumour", "--label", "team=vision"),
    ("deploy", "tumour", "--version", "1", "--replicas", "2", "--no-wait"),
    ("scale", "tumour", "--replicas", "3"),
    ("deploy", "tumour", "--version", "2", "--no-wait"),
    ("rollout", "pause", "tumour"),
    ("apply", "-f", "-"),
    ("deploy", "third", "--model", "tumour", "--version", "2", "--no-wait"),
    ("get", "modeldeployments"),
    ("delete", "modeldeployment", "third"),
)


def say(kubeconfig, words):
    """Until it succeeds -> (how often it was said, what it said last)"""
    for tried in range(1, TRIES + 1):
        ended = subprocess.run([BINARY, *map(str, words), "--kubeconfig", kubeconfig], input=json.dumps(MANIFEST), capture_output=True, text=True, timeout=60)
        if ended.returncode == 0:
            return tried, ended
        assert ended.returncode == 1 and len(ended.stderr.splitlines()) >= 1, ended
        if words[0] == "delete" and tried > 1 and "not found" in ended.stderr:
            return tried, ended  # the one before did it
        time.sleep(PAUSE)
    raise AssertionError(f"{words} fails {TRIES} times: {ended.stderr}")


def end_state(server):
    """What is there, by name: labels and spec."""
    out = {}
    for plural in ("modelversions", "modeldeployments"):
        for item in server.ask("GET", f"{GROUP}/namespaces/default/{plural}")[2]["items"]:
            out[item["metadata"]["name"]] = (item["metadata"].get("labels"), item["spec"])
    return out


@pytest.fixture
def server(tmp_path):
    control = Control(tmp_path / "data")
    yield control
    control.stop()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    control = Control(tmp_path_factory.mktemp("undisturbed") / "data")
    try:
        assert [say(control.kubeconfig, words)[0] for words in COMMANDS] == [1] * len(COMMANDS)
        return end_state(control)
    finally:
        control.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_are_said_again_do_it_once(server, tmp_path, undisturbed, kind):
    (befalling,) = perturbations.make(kind, SEED)
    befalling.seconds = SECONDS
    with Proxy(server.kubeconfig, tmp_path / "proxy", [befalling]) as proxy:
        tries = []
        for words in COMMANDS:
            befalling.begin_anew()
            tries.append((words[:2], *say(proxy.kubeconfig, words)))
    assert end_state(server) == undisturbed, f"SLIPWAY_SEED={SEED}: {tries}"
    assert proxy.done, f"SLIPWAY_SEED={SEED}: nothing befell them"
    print([(words[0], tried) for words, tried, _ in tries])
