"""`make up` and `make down`, as the scripts that they are, in a folder of their own."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BINARY, ROOT

RELEASE = ROOT / "build" / "release" / "slipway"


@pytest.fixture
def made(tmp_path_factory):
    if BINARY.resolve() != RELEASE.resolve():
        pytest.skip("make up runs what make build builds")
    folder = tmp_path_factory.mktemp("made")

    def make(script, port=0):
        return subprocess.run([ROOT / "tools" / script], capture_output=True, text=True, timeout=200, check=False,
                              env={**os.environ, "SLIPWAY_UP": str(folder), "SLIPWAY_PORT": str(port)})

    make.folder = folder
    yield make
    make("down")


def told(made):
    return json.loads((made.folder / "data" / "run" / "up.json").read_text())


def done(ended):
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"
    return ended.stdout


def test_make_up_serves_two_models_and_changes_a_version_under_load(made):
    first = done(made("up"))
    assert "answered by tumour-1-" in first and "answered by wine-1-" in first, first
    asked, failed = map(int, re.search(r"^(\d+) requests meanwhile, (\d+) failed:$", first, re.M).groups())
    assert failed == 0 and asked >= 100, first
    assert re.search(r"^ +\d+ tumour-1-", first, re.M) and re.search(r"^ +\d+ tumour-2-", first, re.M), first
    url = first.splitlines()[-1]
    assert url == told(made)["gateway"]
    # The line with curl does what it says.
    curl = next(line for line in first.splitlines() if line.startswith("curl "))
    answer = json.loads(subprocess.run(curl, shell=True, capture_output=True, text=True, check=True).stdout)
    assert answer["model_name"] == "wine"
    # Again: what runs is found, and nothing is pushed or deployed anew.
    second = done(made("up"))
    assert second.splitlines()[-1] == url and "Slipway runs already." in second
    assert "answered by tumour-2-" in second and "requests meanwhile" not in second
    assert done(made("down")) == f"Stopped what ran in {made.folder}/data.\n"
    assert done(made("down")) == f"Nothing runs in {made.folder}/data.\n"
    # After a night: what was deployed answers again.
    third = done(made("up"))
    assert "answered by tumour-2-" in third and "answered by wine-1-" in third and "Slipway runs already." not in third


def test_make_up_replaces_an_older_build(made):
    older = made.folder / "older"
    older.mkdir()
    (older / "slipway").write_bytes(RELEASE.read_bytes())
    (older / "slipway").chmod(0o755)
    subprocess.run([older / "slipway", "up", "-d", "--data", made.folder / "data", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"],
                   capture_output=True, timeout=60, check=True)
    before = told(made)["pid"]
    assert Path(f"/proc/{before}/exe").readlink() == older / "slipway"
    done(made("up"))
    after = told(made)["pid"]
    assert after != before and Path(f"/proc/{after}/exe").readlink() == RELEASE


def test_make_up_moves_to_the_port_that_is_asked_for(made):
    done(made("up"))
    port = 20_000 + os.getpid() % 10_000
    ended = made("up", port)
    if "is in use" in ended.stderr:
        assert f"127.0.0.1:{port}" in ended.stderr and "SLIPWAY_PORT=9000 make up" in ended.stderr
        pytest.skip(f"port {port} or one beside it is taken")
    assert done(ended).splitlines()[-1] == f"http://127.0.0.1:{port}"
