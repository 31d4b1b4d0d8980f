#!/usr/bin/env python3
"""proxy_bench.py BIN [ROUNDS]: what `slipway gateway` costs a request, beside nginx in front of the same replica. BIN is the
folder of the programs.

Gateway and nginx stand before one `slipway serve`, over kept connections to its Unix socket, one loop and one worker, on
the processor that serve has too; the load has another. Rounds alternate, and each figure is the median of the rounds with all
of them behind it. CPU is that of the proxy alone.
"""
import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from statistics import median

MODEL = "tests/data/zoo/xgb_binary_cancer/model.json"
REVISION = "bench-1-00000000"
PATH = "/v2/models/bench/infer"
BODY = json.dumps({"id": "1", "inputs": [{"name": "input", "shape": [1, 30], "datatype": "FP32", "data": [n / 7 for n in range(30)]}]})

NGINX = """
daemon off; user {2}; worker_processes 1; pid {0}/nginx.pid; error_log {0}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {0}/t1; proxy_temp_path {0}/t2;
  fastcgi_temp_path {0}/t3; uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
  upstream backend {{ server unix:{0}/replica.sock; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{1} backlog=4096;
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def on_processor(number):
    """The last processors are for the load, the first for what is measured; with one there is no choice."""
    all_of_them = sorted(os.sched_getaffinity(0))
    chosen = all_of_them[number % len(all_of_them)]
    return lambda: os.sched_setaffinity(0, {chosen})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_lists(folder):
    """What a gateway last knew: one deployment, one revision, one replica."""
    os.makedirs(f"{folder}/gateway")
    revision = {"name": REVISION, "model": "bench", "version": 1, "digest": "sha256:" + "0" * 64, "weight": 100, "ready": 1,
                "desired": 1, "phase": "Serving"}
    deployment = {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment",
                  "metadata": {"name": "bench", "namespace": "default"},
                  "spec": {"model": "bench", "version": 1}, "status": {"revisions": [revision]}}
    endpoints = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                 "metadata": {"name": REVISION, "namespace": "default",
                              "labels": {"kubernetes.io/service-name": REVISION, "slipway.dev/deployment": "bench"}},
                 "addressType": "FQDN",
                 "endpoints": [{"addresses": ["replica.sock"], "conditions": {"ready": True}}]}
    for name, item in (("deployments", deployment), ("endpoints", endpoints)):
        with open(f"{folder}/gateway/{name}.json", "w") as file:
            json.dump([item], file)


@contextlib.contextmanager
def running(command, address):
    """A server until it answers, and until the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=on_processor(0))
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
                with socket.socket(family) as probe:
                    probe.connect(address)
                    break
            if process.poll() is not None:
                sys.exit(f"{command[0]} ended with {process.returncode}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def tree(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [pid] + [below for child in children.read().split() for below in tree(int(child))]


def cpu_us(pid):
    """Of all threads of a process and its children, to the nanosecond: ticks of 10 ms are too coarse."""
    total = 0
    for each in tree(pid):
        for thread in os.listdir(f"/proc/{each}/task"):
            with open(f"/proc/{each}/task/{thread}/schedstat") as stat:
                total += int(stat.read().split()[0])
    return total / 1000


class Proxies:
    def __init__(self, binaries, folder, seconds):
        self.binaries, self.seconds = binaries, seconds
        self.ports = {"direct": free_port(), "nginx": free_port(), "slipway": free_port()}
        serve = [f"{binaries}/slipway", "serve", "--model", f"bench={MODEL}", "--threads", "1"]
        self.commands = [
            ("replica", [*serve, "--revision", REVISION, "--listen", f"unix:{folder}/replica.sock"], f"{folder}/replica.sock"),
            ("direct", [*serve, "--listen", f"127.0.0.1:{self.ports['direct']}"], None),
            ("slipway", [f"{binaries}/slipway", "gateway", "--data", folder, "--sockets", folder,
                         "--listen", f"127.0.0.1:{self.ports['slipway']}"], None)]
        if shutil.which("nginx"):
            with open(f"{folder}/nginx.conf", "w") as file:
                file.write(NGINX.format(folder, self.ports["nginx"], getpass.getuser()))
            self.commands.append(("nginx", ["nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/nginx.log"], None))
        self.pids = {}

    def start(self, stack):
        for name, command, path in self.commands:
            self.pids[name] = stack.enter_context(running(command, path or ("127.0.0.1", self.ports[name])))

    def load(self, name, connections):
        """What the load says, and the CPU of `name` for each request."""
        before = cpu_us(self.pids[name])
        done = subprocess.run([f"{self.binaries}/proxy_load", f"127.0.0.1:{self.ports[name]}", str(connections),
                               str(self.seconds), PATH, BODY], stdout=subprocess.PIPE, text=True, preexec_fn=on_processor(-1))
        if done.returncode != 0:
            sys.exit(f"{name}: the load ended with {done.returncode}")
        out = {key: float(value) for key, value in (line.split() for line in done.stdout.splitlines())}
        out["cpu_us"] = (cpu_us(self.pids[name]) - before) / out["requests"]
        return out


def show(what, values, unit, goal=""):
    print(f"{what}: {median(values):.2f}{unit} ({', '.join(f'{value:.2f}' for value in values)}){goal and '; goal ' + goal}", flush=True)


def main():
    binaries, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        write_lists(folder)
        proxies = Proxies(binaries, folder, float(os.environ.get("SECONDS_A_CELL", 3)))
        proxies.start(stack)
        names = [name for name in proxies.pids if name != "replica"]
        for connections in (1, 16, 64):
            cells = {name: [] for name in names}
            for _ in range(rounds):
                for name in names:
                    cells[name].append(proxies.load(name, connections))
            report(connections, cells)


def report(connections, cells):
    def column(name, key):
        return [cell[key] for cell in cells[name]]

    proxies = [name for name in ("nginx", "slipway") if name in cells]
    for name in proxies:
        show(f"{name}, {connections} connections, CPU a request", column(name, "cpu_us"), " us")
    for name in proxies:
        show(f"{name}, {connections} connections", column(name, "per_s"), "/s")
    if "nginx" in cells:
        ratios = [a / b for a, b in zip(column("slipway", "cpu_us"), column("nginx", "cpu_us"))]
        show(f"CPU a request / nginx's, {connections} connections", ratios, "", "<= 1.0")
    if connections == 1:
        direct = column("direct", "p50_us")
        show("p50 of the replica alone, 1 connection", direct, " us")
        for name in proxies:
            added = [through - straight for through, straight in zip(column(name, "p50_us"), direct)]
            show(f"p50 that {name} adds", added, " us", "<= 25" if name == "slipway" else "")


if __name__ == "__main__":
    main()
