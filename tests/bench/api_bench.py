#!/usr/bin/env python3
"""api_bench.py BIN [ROUNDS]: what `slipway control` costs its clients and its machine. BIN is the folder of the programs.

Each figure is the median of the rounds, with all of them behind it. What a figure is held against is measured beside it in
the same round: a neighbour on this machine, or a slow disk, then slows both.
"""
import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from statistics import median

import big_onnx

OBJECTS = 10_000
WATCHERS = 1_000
SIDE = 16_384  # of a square of floats: 1 GiB


class Control:
    """A control process over a data folder; its kubeconfig is what the programs take."""

    def __init__(self, binaries, folder):
        self.folder = os.path.join(folder, "data")
        command = [f"{binaries}/slipway", "control", "--data", self.folder, "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if "listens" not in self.process.stdout.readline():
            sys.exit("control did not start")
        self.process.stdout.readline()
        self.kubeconfig = os.path.join(self.folder, "kubeconfig")

    def megabytes(self, field):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(rf"^{field}:\s+(\d+) kB", status.read(), re.M)[1]) / 1024

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


@contextlib.contextmanager
def control(binaries, folder):
    running = Control(binaries, folder)
    try:
        yield running
    finally:
        running.end()
        shutil.rmtree(running.folder)


def figures(*command):
    """What a program prints, one `name number` a line. One that fails has no figure: the run ends."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stdout}")
    return {name: float(number) for name, number in (line.split() for line in done.stdout.splitlines())}


def show(what, values, unit, goal, digits=1):
    """One row; without a goal it is what others are held against."""
    each = ", ".join(f"{value:.{digits}f}" for value in values)
    print(f"{what}: {median(values):.{digits}f}{unit} ({each}){goal and '; goal ' + goal}", flush=True)


def fsync_ms(folder):
    """What a durable write costs here at the least, median and p99: two pages appended and synchronised, 1,000 times."""
    times = []
    with open(os.path.join(folder, "floor"), "wb", buffering=0) as file:
        for _ in range(1000):
            start = time.perf_counter()
            file.write(b"x" * 8192)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return median(times) * 1000, sorted(times)[989] * 1000


def objects(binaries, folder, rounds):
    api, watch = f"{binaries}/api_bench", f"{binaries}/watch_bench"
    with control(binaries, folder) as running:
        where = running.kubeconfig
        show("writes of eight writers, durable", [figures(api, where, "create", OBJECTS, 8)["writes_per_s"]], "/s", "", 0)
        syncs, writes = [], []
        for _ in range(rounds):
            syncs.append(fsync_ms(folder))
            writes.append(figures(api, where, "writes", 2000)["writes_per_s"])
        show("one fdatasync of 8 KiB, p50", [half for half, _ in syncs], " ms", "", 3)
        show("the same, p99", [most for _, most in syncs], " ms", "", 3)
        show("status writes of one writer, durable", writes, "/s", ">= 1000", 0)
        show(f"list of {OBJECTS} deployments, whole", [figures(api, where, "list")["list_ms"] for _ in range(rounds)], " ms", "<= 300")
        show("the same in pages of 500", [figures(api, where, "list", 500)["list_ms"] for _ in range(rounds)], " ms", "<= 300")
        events = [figures(watch, where, 1, 2000, 2) for _ in range(rounds)]
        show("from a write's sending to its watch event, p50", [event["p50_ms"] for event in events], " ms", "", 2)
        show("the same, p99", [event["p99_ms"] for event in events], " ms", "<= 5", 2)
        show("RSS of control after all that", [running.megabytes("VmRSS")], " MB", "<= 80")
        show("peak RSS of control until here", [running.megabytes("VmHWM")], " MB", "<= 80")
        alone, beside = [], []
        for _ in range(rounds):
            alone.append(figures(watch, where, WATCHERS, 100, 100)["p99_ms"])
            beside.append(figures(watch, where, WATCHERS, 100, 100, "stalled")["p99_ms"])
        show(f"{WATCHERS} watchers, p99", alone, " ms", "", 2)
        show("the same beside one that never reads", beside, " ms", "", 2)
        show("their ratio", [b / a for a, b in zip(alone, beside)], "", "<= 1.5", 2)
        show(f"peak RSS of control with {WATCHERS} watchers", [running.megabytes("VmHWM")], " MB", "")


def seconds(*commands):
    start = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def push(binaries, running, model):
    """Seconds and the peak RSS of `slipway push` with its children: the confined one that inspects is among them."""
    command = [f"{binaries}/slipway", "push", model, "--name", "bench", "--kubeconfig", running.kubeconfig]
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "XDG_STATE_HOME": running.folder})
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {child.returncode}")
    return time.perf_counter() - start, used.ru_maxrss / 1024


def pushes(binaries, folder, rounds):
    model, copy = os.path.join(folder, "model"), os.path.join(folder, "copy")
    os.mkdir(model)
    weights = big_onnx.write(model, SIDE)[1]
    plain, blob, whole, own, theirs = [], [], [], [], []
    for _ in range(rounds):
        plain.append(seconds(["sha256sum", weights], ["cp", weights, copy], ["sync", copy]))
        os.remove(copy)
        with control(binaries, folder) as running:
            blob.append(figures(f"{binaries}/api_bench", running.kubeconfig, "push", weights)["push_s"])
        with control(binaries, folder) as running:
            took, peak = push(binaries, running, model)
            whole.append(took)
            own.append(peak)
            theirs.append(running.megabytes("VmHWM"))
    show(f"sha256sum + cp + sync of {SIDE * SIDE * 4 >> 20} MB", plain, " s", "", 2)
    show("hashing and sending the same file, over TLS", blob, " s", "", 2)
    show("slipway push of an ONNX model with these weights", whole, " s", "", 2)
    show("its ratio to sha256sum + cp + sync", [a / b for a, b in zip(whole, plain)], "", "<= 1.5", 2)
    show("peak RSS of control", theirs, " MB", "<= 40")
    show("peak RSS of slipway push and what it starts", own, " MB", "<= 40")


def main():
    binaries, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Beside the build, not in /tmp: that may be memory, and what is durable there says nothing.
    with tempfile.TemporaryDirectory(dir=binaries) as folder:
        objects(binaries, folder, rounds)
        pushes(binaries, folder, rounds)


if __name__ == "__main__":
    main()
