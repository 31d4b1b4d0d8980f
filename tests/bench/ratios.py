#!/usr/bin/env python3
"""ratios.py CELLS.json: the figures of one comparison that the project holds itself to."""
import json
import sys
from statistics import median


def middle(server, cell, key):
    cells = [c for c in server["cells"].get(cell, []) if c.get(key) is not None]
    quiet = [c for c in cells if not c.get("disturbed")] or cells
    return median(c[key] for c in quiet) if quiet else None


def start(server, key):
    return median(s[key] for s in server["starts"])


def main():
    servers = json.load(open(sys.argv[1]))
    ours = servers["slipway"]
    for name, server in servers.items():
        if server["failed"]:
            print(f"{name}: failed: {server['failed']}")
    cpu = {name: middle(s, "c16", "cpu_us") for name, s in servers.items()}
    p50 = {name: middle(s, "c1", "p50") for name, s in servers.items()}
    print("CPU a request, 16 connections:", ", ".join(f"{n} {c:.2f} us" for n, c in cpu.items() if c))
    for other in ("nginx", "mlserver"):
        if cpu.get(other):
            print(f"CPU a request / {other}'s: {cpu['slipway'] / cpu[other]:.4f}")
    if p50.get("echo"):
        print(f"p50 at one connection over the echo floor: {p50['slipway'] - p50['echo']:.1f} us ({p50['slipway']:.1f} - {p50['echo']:.1f})")
    print(f"idle PSS {start(ours, 'idle_pss_mb'):.1f} MB, RSS after load {start(ours, 'rss_mb'):.1f} MB, start to first answer {start(ours, 'start_s') * 1000:.0f} ms")


if __name__ == "__main__":
    main()
