#!/usr/bin/env python3
"""Our proxy beside nginx, HAProxy and Caddy: what a small answer waits while others take large ones from the same thread.

    benches/proxy-shared.py [--seconds 3] [--rounds 5] [--takers 2] [NAME=EXECUTABLE ...]

Needs what benches/proxy.py needs, and curl: so many takers get 64 MB again and again, and one client of wrk asks for small answers meanwhile.
The table has the medians of the rounds; the last column is what the takers got.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import tempfile
import time

from proxy import end, rivals, start, start_app, with_ours

HUGE = 64 * 1024 * 1024
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def take(port):
    """Gets the large answer again and again; each time is a line."""
    command = f"while curl --silent --fail --output /dev/null http://127.0.0.1:{port}/huge; do echo; done"
    return subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, start_new_session=True)


def measure(port, options):
    takers = [take(port) for _ in range(options.takers)]
    for taker in takers:
        taker.stdout.readline()
    began = time.monotonic()
    command = ["wrk", "-t1", "-c1", f"-d{options.seconds}s", "--latency", f"http://127.0.0.1:{port}/small"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    took = time.monotonic() - began
    got = 0
    for taker in takers:
        if taker.poll() is not None:
            raise RuntimeError("a taker was refused")
        os.killpg(taker.pid, signal.SIGKILL)
        got += taker.communicate()[0].count(b"\n")
    waits = {share: float(length) * UNITS[unit] for share, length, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said)}
    return {"p50": waits["50"], "p99": waits["99"], "taken": got * HUGE / took / 1e6}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--takers", type=int, default=2)
    with_ours(parser)
    options = parser.parse_args()
    processes = []
    with tempfile.TemporaryDirectory(prefix="allswell-bench-") as folder:
        work = pathlib.Path(folder)
        with open(work / "huge", "wb") as huge:
            huge.truncate(HUGE)
        try:
            upstream, app = start_app(work)
            processes.append(app)
            running = {name: start(name, executable, work, upstream, options.threads) for name, executable in rivals(options.ours).items()}
            processes += [process for _, process in running.values()]
            rows = {name: [] for name in running}
            for _ in range(options.rounds):
                for name, (port, _) in running.items():
                    rows[name].append(measure(port, options))
        finally:
            end(processes)
    print("| proxy | small answer, p50 ms | p99 ms | taken meanwhile, MB/s |\n|---|---:|---:|---:|")
    for name, row in rows.items():
        p50, p99, taken = (statistics.median(one[key] for one in row) for key in ("p50", "p99", "taken"))
        print(f"| {name} | {p50:.2f} | {p99:.2f} | {taken:,.0f} |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
