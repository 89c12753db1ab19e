#!/usr/bin/env python3
"""Our proxy beside nginx, HAProxy and Caddy: the same upstream, the same load, the same machine, in turns.

    benches/proxy.py [--seconds 3] [--rounds 3] [--threads 1] [--load-threads 2] [--json FILE] [NAME=EXECUTABLE ...]

Needs Debian's packages nginx, haproxy, caddy and wrk, and `cargo build --release --bin allswell-proxy`. Every proxy has as many
threads as --threads says, and wrk as many as --load-threads: with one, wrk is the slowest of all where each connection is
closed, and its rate is what is measured. The table has requests per second and CPU seconds per 100,000 requests, and both as ratios to
nginx; each is the median of the rounds. Further executables of ours are measured beside as NAME=EXECUTABLE.
"""
import argparse
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
LOADS = {
    "small": ["/small"],
    "64 KB": ["/large"],
    "small, Connection: close": ["/small", "-H", "Connection: close"],
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rendered(name, work, **words):
    text = (HERE / "proxy" / name).read_text().replace("WORK", str(work))
    for word, value in words.items():
        text = text.replace(word.upper(), str(value))
    path = work / f"{words.get('front', 'app')}-{name}"
    path.write_text(text)
    return path


def until_open(port, process):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} has ended: {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"{process.args[0]} does not listen")


def family(pid):
    """The process and its children."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid):
    total = 0
    for one in family(pid):
        fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def load(port, arguments, options):
    path, *more = arguments
    how = [f"-t{options.load_threads}", f"-c{options.connections}", f"-d{options.seconds}s"]
    command = ["wrk", *how, "--latency", *more, f"http://127.0.0.1:{port}{path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    done = int(re.search(r"(\d+) requests in", said)[1])
    took = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return done, took, failed, broken.group(0) if broken else ""


def measure(port, pid, arguments, options):
    before = cpu_seconds(pid)
    done, rate, failed, broken = load(port, arguments, options)
    if failed or done == 0:
        print(f"  {failed} of {done} failed", file=sys.stderr)
    return {"rate": rate, "cpu": (cpu_seconds(pid) - before) / max(done, 1) * 100_000, "broken": broken, "failed": failed}


def start(name, executable, work, upstream, threads):
    """Starts a proxy in front of the app; hands back its port and its process."""
    front = free_port()
    words = {"upstream": upstream[0], "second": upstream[1], "front": front, "threads": threads}
    if name == "nginx":
        command = [executable, "-p", str(work), "-c", str(rendered("nginx.conf", work, **words))]
    elif name == "haproxy":
        command = [executable, "-db", "-f", str(rendered("haproxy.cfg", work, **words))]
    elif name == "caddy":
        command = [executable, "run", "--adapter", "caddyfile", "--config", str(rendered("Caddyfile", work, **words))]
    else:
        state = work / f"state-{name}-{front}"
        command = [executable, "--config", str(rendered("allswell.toml", work, **words)), "--state", str(state)]
    log = open(work / f"{name}-output.log", "ab")
    environment = os.environ | {"GOMAXPROCS": str(threads), "XDG_DATA_HOME": str(work), "XDG_CONFIG_HOME": str(work)}
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    until_open(front, process)
    return front, process


def start_app(work, **words):
    """The app behind all of them; hands back its two ports and its process."""
    work.chmod(0o755)
    (work / "large").write_bytes(b"x" * 65536)
    upstream = free_port(), free_port()
    words = {"sockets": upstream[1]} | words
    config = rendered("upstream.conf", work, upstream=upstream[0], second=upstream[1], **words)
    app = subprocess.Popen(["nginx", "-p", str(work), "-c", str(config)])
    until_open(upstream[0], app)
    return upstream, app


def end(processes):
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()


def rivals(ours):
    return {"nginx": "nginx", "haproxy": "haproxy", "caddy": "caddy"} | dict(one.split("=", 1) for one in ours)


def with_ours(parser):
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("ours", nargs="*", default=[f"allswell={HERE.parent / 'target/release/allswell-proxy'}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--load-threads", type=int, default=2)
    parser.add_argument("--only", choices=LOADS, action="append")
    parser.add_argument("--without", action="append", default=[])
    with_ours(parser)
    options = parser.parse_args()
    processes, table = [], {}
    with tempfile.TemporaryDirectory(prefix="allswell-bench-") as folder:
        work = pathlib.Path(folder)
        try:
            upstream, app = start_app(work)
            processes.append(app)
            running = {}
            for name, executable in rivals(options.ours).items():
                if name not in options.without:
                    running[name] = start(name, executable, work, upstream, options.threads)
                    processes.append(running[name][1])
            for label, arguments in LOADS.items():
                if options.only and label not in options.only:
                    continue
                rows = {name: [] for name in running}
                for _ in range(options.rounds):
                    for name, (port, process) in running.items():
                        rows[name].append(measure(port, process.pid, arguments, options))
                        # Connections of the last load that wait in the kernel do not count against the next.
                        time.sleep(0.3)
                table[label] = rows
        finally:
            end(processes)
    show(table)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


def show(table):
    print("| load | proxy | requests/s | of nginx | CPU s per 100,000 | of nginx |")
    print("|---|---|---:|---:|---:|---:|")
    for label, rows in table.items():
        def ratio(name, key):
            return statistics.median(one[key] / peer[key] for one, peer in zip(rows[name], rows["nginx"]))
        for name in rows:
            rate, cpu = (statistics.median(row[key] for row in rows[name]) for key in ("rate", "cpu"))
            print(f"| {label} | {name} | {rate:,.0f} | {ratio(name, 'rate'):.2f} | {cpu:.2f} | {ratio(name, 'cpu'):.2f} |")
            for row in rows[name]:
                if row["failed"] or row["broken"]:
                    print(f"{name}: {row['failed']} failed; {row['broken']}", file=sys.stderr)


if __name__ == "__main__":
    main()
