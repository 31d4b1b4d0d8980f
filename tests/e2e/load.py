"""Requests at a steady rate while something happens, and what became of each: the program of tests/load, driven."""
import json
import os
import subprocess
import time
from pathlib import Path

BINARY = Path(os.environ.get("SLIPWAY_BINARY", Path(__file__).resolve().parents[2] / "build" / "release" / "slipway"))
LOAD = Path(os.environ.get("SLIPWAY_LOAD", BINARY.parent / "slipway_load"))


class Load:
    """Between `with` and its end, requests go out. `allow` says whose answers are right from now on: names of revisions, or
    how they begin. An answer may come from whoever was allowed at any instant between its request and itself."""

    def __init__(self, url, model, body, rate=500, connections=8, allow=(), headers=()):
        host = url.removeprefix("http://")
        self.process = subprocess.Popen([LOAD, host, f"/v2/models/{model}/infer", body, str(rate), str(connections), *headers],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.result = None
        self.allow(*allow)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def allow(self, *revisions):
        self.tell(" ".join(["allow", *revisions]))

    def report(self):
        return self.tell("report")

    def wait_for(self, more, seconds=20):
        """Until so many more answers were right."""
        before, end = self.report()["answered"], time.monotonic() + seconds
        while (now := self.report())["answered"] - before < more:
            assert time.monotonic() < end, (now["sent"], now["answered"], now["kinds"], now["failures"][:3])
            time.sleep(0.005)

    def catch_up(self, seconds=30):
        """Until what waited for a connection has been sent: an open loop goes on while nobody answers."""
        end = time.monotonic() + seconds
        while (now := self.report())["sent"] - now["answered"] - now["failed"] > 8:
            assert time.monotonic() < end, (now["sent"], now["answered"], now["kinds"])
            time.sleep(0.005)

    def stop(self):
        if self.result is None:
            self.process.stdin.write("stop\n")
            self.process.stdin.close()
            self.result = json.loads(self.process.stdout.read().splitlines()[-1])
            self.process.stdout.close()
            assert self.process.wait(timeout=60) == 0
        return self.result

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def check_all_right(result):
    assert result["failed"] == 0, (result["kinds"], result["failures"][:5])
    assert result["answered"] == result["sent"] > 0
