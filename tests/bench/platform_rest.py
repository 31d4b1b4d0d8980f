#!/usr/bin/env python3
"""platform_rest.py BIN [SECONDS]: what a whole platform costs while nobody asks it anything, and how long a first prediction takes.

Supervisor, control, gateway and two replicas of examples/tumour, in a data folder of its own. Memory is given as the kernel
counts it: RSS counts shared pages in each process, PSS counts them once.
"""
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL, REQUEST = ROOT / "examples" / "tumour", ROOT / "examples" / "tumour.json"


class Platform:
    def __init__(self, binary, folder):
        self.binary, self.data = binary, os.path.join(folder, "data")

    def run(self, *words):
        return subprocess.run([self.binary, *words, "--data", self.data], check=True, capture_output=True, text=True).stdout

    def processes(self):
        """Name -> process. The words of each hold the data folder, or a path below it."""
        found = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if os.fsencode(self.binary) == words[0] and any(os.fsencode(self.data) in word for word in words):
                name = words[1].decode()
                found["supervisor" if name == "up" else f"replica {entry}" if name == "serve" else name] = int(entry)
        return found


def kilobytes(pid, field):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    return 0


def cpu_seconds(pid):
    """Of all threads, to the nanosecond: a clock tick is too coarse for what rests."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def first_answer(url, body):
    """Seconds until the gateway has answered one request."""
    begun = time.monotonic()
    while time.monotonic() - begun < 60:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        connection.request("POST", "/v2/models/tumour/infer", body, {"content-type": "application/json"})
        if connection.getresponse().status == 200:
            return time.monotonic() - begun
        connection.close()
        time.sleep(0.005)
    sys.exit("no answer within a minute")


def rest(processes, seconds):
    """-> rows of (name, RSS kB, PSS kB, percent of a core)"""
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    time.sleep(seconds)
    return [(name, kilobytes(pid, "Rss"), kilobytes(pid, "Pss"), 100 * (cpu_seconds(pid) - before[name]) / seconds) for name, pid in processes.items()]


def main(binaries, seconds=10):
    binary, folder = os.path.join(os.path.abspath(binaries), "slipway"), tempfile.mkdtemp(prefix="slipway-rest-")
    platform = Platform(binary, folder)
    try:
        begun = time.monotonic()
        url = json.loads(platform.run("up", "--detach", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "-o", "json"))["gateway"]
        up = time.monotonic() - begun
        platform.run("push", str(MODEL), "--name", "tumour")
        platform.run("deploy", "tumour", "--replicas", "2", "--wait")
        first_answer(url, REQUEST.read_bytes())
        first = time.monotonic() - begun
        time.sleep(3)  # what a deployment leaves behind to do is done
        rows = rest(platform.processes(), float(seconds))
    finally:
        platform.run("down")
        shutil.rmtree(folder)
    print(f"from `slipway up` to ready          {up:8.3f} s\nfrom `slipway up` to the first answer {first:6.3f} s")
    print(f"at rest, over {float(seconds):g} s:\n{'process':16} {'RSS MB':>8} {'PSS MB':>8} {'CPU %':>8}")
    for name, rss, pss, cpu in (*rows, ("all", *(sum(row[i] for row in rows) for i in (1, 2, 3)))):
        print(f"{name:16} {rss / 1000:8.1f} {pss / 1000:8.1f} {cpu:8.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
