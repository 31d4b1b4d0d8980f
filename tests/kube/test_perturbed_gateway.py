"""Gateways behind a perturbing proxy each: in the end they send as those do whom nothing befell, and meanwhile they go on.

SLIPWAY_SEED plays one history again, SLIPWAY_PERTURB="NAME NAME+NAME…" chooses what befalls them; SLIPWAY_SOAK=1 plays more."""
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import perturbations
import pytest
import told
from cluster import BINARY
from perturbing_proxy import Proxy
from server import Control

SOAK = os.environ.get("SLIPWAY_SOAK") == "1"
SEED = int(os.environ.get("SLIPWAY_SEED", random.SystemRandom().randrange(1 << 32)))
SEEDS = range(SEED, SEED + (5 if SOAK else 1))
STEPS, PAUSE = (200, 0.05) if SOAK else (50, 0.05)
SECONDS = 30  # for all of them to have the end
ALL = perturbations.names(perturbations.OF_CALLS, perturbations.OF_WATCHES)
PAIRS = ["Stale+Cutting", "Missed+Failing", "Coalesced+TimeTravel", "Reordered+Gone", "Doubled+Stalled", "ListsApart+Missed", "TooNew+Unavailable"]


def kinds(seed, sample):
    """What befalls somebody; first nothing."""
    if named := os.environ.get("SLIPWAY_PERTURB", "").split():
        return named
    everything = ALL + PAIRS
    return ["", *(everything if SOAK else random.Random(seed).sample(everything, sample))]


class Gateway:
    def __init__(self, name, folder, kubeconfig):
        self.name, self.data = name or "undisturbed", folder / (name or "undisturbed")
        self.data.mkdir()
        self.log = self.data / "log"
        self.broken = []  # when the steady deployment was not served
        self.seen = False
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([BINARY, "gateway", "--data", self.data, "--listen", "127.0.0.1:0", "--kubeconfig", kubeconfig,
                                             "--sockets", folder / "s"], stdout=subprocess.DEVNULL, stderr=log)

    def rows(self):
        """{revision: (weight, endpoints)}; None while it starts."""
        connection = http.client.HTTPConnection("gateway", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(str(self.data / "run" / "gateway.admin.sock"))
            connection.request("GET", "/observed")
            said = json.loads(connection.getresponse().read())
        except OSError:
            return None
        finally:
            connection.close()
        return {row["revision"]: (row["weight"], row["endpoints"]) for row in said["rows"]}

    def look(self):
        rows = self.rows() or {}
        steady = any(revision.startswith(told.STEADY) and row == (100, 2) for revision, row in rows.items())
        self.seen = self.seen or steady
        if self.seen and not steady:
            self.broken.append(rows)

    def stop(self):
        self.process.terminate()
        return self.process.wait(40)


@pytest.fixture
def folder():
    """Short: the path of a socket has 107 bytes. All replicas answer there, in one listening socket."""
    path = Path(tempfile.mkdtemp(prefix="slipway-"))
    (path / "s").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path / "s" / "all"))
        listener.listen(4096)
        for name in told.sockets():
            (path / "s" / name).symlink_to("all")
        yield path
    shutil.rmtree(path) if not os.environ.get("KEEP") else 0


def check(folder, server, namespace, seed, befalling, seconds=SECONDS):
    """One history, and a gateway behind each kind of perturbation."""
    story = told.Told(server, namespace, seed)
    story.create(told.STEADY)
    with ExitStack() as ends:
        proxies = [ends.enter_context(Proxy(server.kubeconfig, folder / f"proxy-{each}", perturbations.make(each, seed), namespace)) for each in befalling]
        gateways = [Gateway(each, folder, proxy.kubeconfig) for each, proxy in zip(befalling, proxies, strict=True)]
        for each in gateways:
            ends.callback(each.stop)
        for _ in range(STEPS):
            story.step()
            [each.look() for each in gateways]
            time.sleep(PAUSE)
        end, wanted = time.monotonic() + seconds, story.rows()
        while (others := {each.name: each.rows() for each in gateways if each.rows() != wanted}) and time.monotonic() < end:
            [each.look() for each in gateways]
            time.sleep(0.1)
        logs = "".join(f"== {each.name}\n{each.log.read_text()[-3000:]}" for each in gateways if each.name in others)
        assert not others, f"SLIPWAY_SEED={seed}: wanted {wanted}\n" + "\n".join(f"{name}: {rows}" for name, rows in others.items()) + logs
        assert not (lost := {each.name: each.broken for each in gateways if each.broken}), f"SLIPWAY_SEED={seed}: {lost}"
        assert all(each.stop() == 0 for each in gateways)
        idle = [each for each, proxy in zip(befalling, proxies, strict=True) if each not in ("", "Unmarked") and not proxy.done]
        assert not idle, f"SLIPWAY_SEED={seed}: nothing befell {idle}"
        # A list that may be as old as the server likes is one that goes back in time.
        assert not [call for proxy in proxies for call in proxy.calls if "resourceVersion=0" in call.replace("&", "?").split("?")]


@pytest.fixture
def control(folder):
    """An API of our own."""
    server = Control(folder / "control")
    yield server
    server.stop()


@pytest.mark.parametrize("seed", SEEDS)
def test_gateways_end_where_the_undisturbed_one_does(folder, control, seed):
    check(folder, control, "default", seed, kinds(seed, 12))


@pytest.mark.parametrize("seed", SEEDS)
def test_and_so_they_do_on_a_real_api_server(folder, plane, seed):
    check(folder, plane.cluster, plane.name, seed, kinds(seed, 6))


@pytest.mark.skipif(not SOAK, reason="takes two minutes")
def test_a_watch_that_says_nothing_any_more_is_given_up(folder, plane):
    check(folder, plane.cluster, plane.name, SEED, ["Silent"], seconds=150)
