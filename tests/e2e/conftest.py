"""The real program on real sockets. SLIPWAY_BINARY names it; build/release/slipway otherwise."""
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
ZOO = DATA / "zoo"
BINARY = Path(os.environ.get("SLIPWAY_BINARY", ROOT / "build" / "release" / "slipway"))


def run(*words, stdin="", timeout=60, env=None):
    """slipway WORDS…, to its end."""
    return subprocess.run([BINARY, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(env or {})})


class Server:
    """`slipway serve` on a port that the system picks."""

    def __init__(self, models, *options, env=None, prefix=()):
        words = [word for name, path in models.items() for word in ("--model", f"{name}={path}")]
        listen = () if "--listen" in options else ("--listen", "127.0.0.1:0")
        self.process = subprocess.Popen([*prefix, BINARY, "serve", *words, *listen, *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        line = self.process.stdout.readline()
        assert line.startswith("serving on "), f"no start: {line}{self.process.stderr.read()}"
        self.url = line.split()[2]
        self.port = int(self.url.rsplit(":", 1)[1]) if self.url.startswith("http") else 0

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """-> status, headers, text"""
        to = connection or self.connect()
        try:
            to.request(method, path, body if body is None or isinstance(body, (bytes, str)) else json.dumps(body), headers or {})
            answer = to.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            if connection is None:
                to.close()

    def get(self, path):
        status, _, text = self.ask("GET", path)
        return status, text

    def infer(self, model, inputs, **members):
        status, headers, text = self.ask("POST", f"/v2/models/{model}/infer", {"inputs": inputs, **members})
        return status, headers, json.loads(text)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.wait()

    def wait(self):
        code = self.process.wait(timeout=40)
        self.log = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture
def serve():
    started = []

    def start(models, *options, **more):
        started.append(Server(models, *options, **more))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@pytest.fixture
def control(tmp_path):
    """Starts `slipway control`; in one data folder unless told otherwise."""
    from control import Control
    started = []

    def start(*options, data=None, **more):
        started.append(Control(data or tmp_path / "data", *options, **more))
        return started[-1]

    yield start
    for each in started:
        each.end_all()


@pytest.fixture
def machine():
    """Starts `slipway up` in data folders of their own, and ends whatever runs there afterwards."""
    from machine import Machine
    made = []

    def make(**more):
        made.append(Machine(**more))
        return made[-1]

    yield make
    for each in made:
        each.remove()


@pytest.fixture
def serving(machine):
    """A platform with one version of one model, deployed."""
    platform = machine()
    platform.push_salted(1)
    platform.deploy(1, replicas=1)
    return platform


@pytest.fixture
def folder(tmp_path_factory):
    """A data folder that nothing has run in; whatever runs in it afterwards is ended."""
    path = tmp_path_factory.mktemp("up") / "data"  # short: the path of a socket has 107 bytes
    yield path
    run("down", "--data", path, timeout=150)


@pytest.fixture
def busy():
    """A port that is a stranger's."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        yield stranger.getsockname()[1]


def wait_until(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.01)


def row(values, name="x", datatype="FP32"):
    return [{"name": name, "datatype": datatype, "shape": [1, len(values)], "data": values}]


@pytest.fixture
def machine():
    """Starts whole platforms with `slipway up`, and leaves nothing of them."""
    from machine import Machine
    started = []

    def start(**more):
        started.append(Machine(**more))
        return started[-1]

    yield start
    for each in started:
        each.remove()
