"""Control killed at every place where a crash could leave something half done, and started again: what was acknowledged is
there, what was not is there whole or not at all, and doing it again works. The places are those of the development build."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BINARY as RELEASE
from conftest import ROOT, ZOO, wait_until
from control import Control, deployment, digest_of

BINARY = Path(os.environ.get("SLIPWAY_DEV_BINARY", ROOT / "build" / "dev" / "slipway"))
FIRST, SECOND = ZOO / "xgb_multi_penguins" / "model.json", ZOO / "lgb_binary_cancer" / "model.txt"
# Those of what is deployed are test_platform_kills.py's.
PLACES = sorted({name for path in (ROOT / "src").rglob("*.cc") for name in re.findall(r'FAILPOINT\("((?:oci|store)\.\w+)"\)', path.read_text())})
COLLECTING = {"oci.before_remove"}  # nothing is collected that was used within a day: the room's own tests do it

pytestmark = pytest.mark.skipif(not BINARY.exists(), reason=f"no {BINARY}: tools/build dev slipway makes it")


def applied(name, **spec):
    return ["apply", "-f", "-"], json.dumps(deployment(name, **spec))


# What is done, in this order; each may be repeated. Every place is passed twice on the way.
STEPS = [(["push", FIRST, "--name", "first"], ""), applied("new"), applied("old", replicas=5), (["delete", "md/gone", "--ignore-not-found"], ""),
         (["push", SECOND, "--name", "second"], ""), (["delete", "md/new", "--ignore-not-found"], "")]


@pytest.fixture(scope="module")
def beginning(tmp_path_factory):
    """A data folder with something in it, and what that is."""
    platform = Control(tmp_path_factory.mktemp("beginning") / "data")
    for name in ("old", "gone"):
        assert platform.slipway("apply", "-f", "-", stdin=json.dumps(deployment(name))).returncode == 0
    assert platform.push_image(b"kept", "kept", tag="1")
    assert platform.stop() == 0
    yield platform.data


def do(platform, step):
    words, stdin = step
    return platform.slipway(*words, stdin=stdin, env={"HOME": str(platform.data.parent)})


def do_until_death(platform):
    """-> the number of steps that were acknowledged"""
    for number, (words, stdin) in enumerate(STEPS):
        step = subprocess.Popen([RELEASE, *map(str, words), "--data", platform.data], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env={**os.environ, "HOME": str(platform.data.parent)})
        step.stdin.write(stdin)
        step.stdin.close()
        while step.poll() is None and platform.alive():
            time.sleep(0.005)
        if not platform.alive() and step.poll() is None:
            time.sleep(0.02)  # an answer may be on its way
            step.kill()       # it would try again for a while
        code = step.wait()
        step.stdout.close(), step.stderr.close()
        if code != 0:
            wait_until(lambda: not platform.alive())  # its sockets close before it is quite dead
            return number
    return len(STEPS)


def facts(platform):
    """What can be seen of each step, in their order: done or not."""
    versions, deployments = platform.versions(), platform.deployments()
    return [list(versions).count("first-1") == 1, "new" in deployments, deployments["old"]["spec"]["replicas"] == 5, "gone" not in deployments,
            list(versions).count("second-1") == 1, "new" not in deployments]


def check_nothing_is_lost(platform, done):
    found = facts(platform)
    for number in range(done):
        if number == 1 and done > 4:  # deleted again, or about to be
            continue
        assert found[number], f"step {number} was acknowledged and is lost"
    # What was never begun did not happen.
    assert not any(found[number] for number in range(done + 1, 5))
    for name, version in platform.versions().items():
        repository, digest = version["spec"]["artifact"].split("@")
        assert platform.ask("GET", f"/v2/{repository}/manifests/{digest}", headers={"accept": "*/*"})[0] == 200, name
    assert platform.ask("GET", "/v2/kept/tags/list")[2] == b'{"name":"kept","tags":["1"]}'
    assert platform.ask("GET", f"/v2/kept/blobs/{digest_of(b'kept')}")[2] == b"kept"
    ended = platform.slipway("verify")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("hit", [1, 2])
@pytest.mark.parametrize("place", [place for place in PLACES if place not in COLLECTING])
def test_killed_at(place, hit, beginning, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(beginning, data)
    victim = Control(data, binary=BINARY, env={"SLIPWAY_FAILPOINT": f"{place}:{hit}"})
    done = do_until_death(victim)
    assert done < len(STEPS) or not victim.alive(), f"{place} is not passed {hit} times"
    assert victim.wait() == -signal.SIGKILL and "Sanitizer" not in victim.log()
    again = Control(data)
    try:
        check_nothing_is_lost(again, done)
        for step in STEPS[done:]:
            ended = do(again, step)
            assert ended.returncode == 0, ended.stderr
        assert facts(again) == [True, False, True, True, True, True]
        assert sorted(again.versions()) == ["first-1", "second-1"] and list(again.deployments()) == ["old"]
        for name in ("first", "second"):
            assert again.slipway("fetch", name).returncode == 0
            assert again.ask("GET", f"/v2/{name}/tags/list")[0] == 200
        assert again.slipway("verify").returncode == 0
    finally:
        assert again.stop() == 0


def test_every_place_is_known():
    assert len(PLACES) >= 9 and COLLECTING <= set(PLACES)
