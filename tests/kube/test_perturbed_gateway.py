"""Gateways behind a perturbing proxy each: in the end they send as those do whom nothing befell, and meanwhile they go on."""
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import told
from cluster import BINARY
from perturbations import KINDS
from perturbing_proxy import Proxy
from server import Control

SEEDS = range(int(os.environ.get("SLIPWAY_SEED", 1)), int(os.environ.get("SLIPWAY_SEED", 1)) + int(os.environ.get("SLIPWAY_SEEDS", 1)))
STEPS, PAUSE = 80, 0.05
KIND_NAMES = os.environ.get("SLIPWAY_PERTURB", " ".join(["none", *KINDS])).split()
SECONDS = 30  # for all of them to have the end


class Gateway:
    def __init__(self, name, folder, kubeconfig):
        self.name, self.data = name, folder / name
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


def check(folder, server, namespace, seed, kinds):
    """One history, and a gateway behind each kind of perturbation beside one that looks at the API itself."""
    story = told.Told(server, namespace, seed)
    story.create(told.STEADY)
    with ExitStack() as ends:
        gateways = []
        for kind in kinds:
            proxy = ends.enter_context(Proxy(server.kubeconfig, folder / f"proxy-{kind}", [KINDS[kind](seed)] if kind in KINDS else [], namespace))
            gateways.append(Gateway(kind, folder, proxy.kubeconfig))
            ends.callback(gateways[-1].stop)
        for _ in range(STEPS):
            story.step()
            [each.look() for each in gateways]
            time.sleep(PAUSE)
        end, wanted = time.monotonic() + SECONDS, story.rows()
        while (others := {each.name: each.rows() for each in gateways if each.rows() != wanted}) and time.monotonic() < end:
            [each.look() for each in gateways]
            time.sleep(0.1)
        assert not others, f"seed {seed}: wanted {wanted}\n" + "\n".join(f"{name}: {rows}" for name, rows in others.items())
        assert not (lost := {each.name: each.broken for each in gateways if each.broken}), f"seed {seed}: {lost}"
        assert all(each.stop() == 0 for each in gateways)


@pytest.mark.parametrize("seed", SEEDS)
def test_gateways_end_where_the_undisturbed_one_does(folder, seed):
    server = Control(folder / "control")
    try:
        check(folder, server, "default", seed, KIND_NAMES)
    finally:
        server.stop()


@pytest.mark.parametrize("seed", SEEDS)
def test_and_so_they_do_on_a_real_api_server(folder, plane, seed):
    check(folder, plane.cluster, plane.name, seed, KIND_NAMES)
