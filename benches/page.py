#!/usr/bin/env python3
"""How soon the watcher's pages answer, and how many bytes they have, beside nginx with the same page as a file in the same run; and how soon
a watcher with so many checks answers at all: when its config is first read, when it is started again.

    cargo build --release && benches/page.py [--checks 1000,100000] [--requests 200] [--binary target/release/allswell-watcher]

A request opens no new connection. Everything is on loopback, in a temporary directory, and ends with the script.
"""

import argparse
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ADDRESS = ("127.0.0.1", 17700)
PEER = ("127.0.0.1", 17701)


def config(count):
    head = f'[app]\nname = "bench"\n[runtime]\ncommand = "x"\n[watcher]\nlisten = "{ADDRESS[0]}:{ADDRESS[1]}"\n[probe]\nevery = "1h"\n'
    check = '[[check]]\nname = "job {0:06}"\nslug = "job-{0}"\nperiod = "1h"\n'
    return head + "".join(check.format(number) for number in range(count))


def until_up(address, process, limit=300):
    ends = time.monotonic() + limit
    while time.monotonic() < ends:
        if process.poll() is not None:
            sys.exit(f"it ended: {process.args}")
        try:
            connection = http.client.HTTPConnection(*address, timeout=10)
            connection.request("GET", "/icon.svg")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"nobody answers on {address}")


def memory(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def measure(address, path, count):
    connection = http.client.HTTPConnection(*address, timeout=60)
    times, size = [], 0
    for number in range(count + 5):
        began = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {body[:200]}")
        # The first ones open the connection, and read what is then in memory.
        if number >= 5:
            times.append((time.perf_counter() - began) * 1000)
        size = len(body)
    times.sort()
    return times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)], size


def nginx(directory, page):
    root = pathlib.Path(directory) / "root"
    root.mkdir()
    (root / "page.html").write_bytes(page)
    (root / "icon.svg").write_bytes(b"")
    file = pathlib.Path(directory) / "nginx.conf"
    file.write_text(
        # Its workers read the page of a directory that is ours alone.
        f"{'user root; ' if os.getuid() == 0 else ''}daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {directory}/a; proxy_temp_path {directory}/b; fastcgi_temp_path {directory}/c;"
        f" uwsgi_temp_path {directory}/d; scgi_temp_path {directory}/e; server {{ listen {PEER[0]}:{PEER[1]}; root {root}; }} }}\n"
    )
    return subprocess.Popen(["nginx", "-c", str(file)], stderr=subprocess.DEVNULL)


def one(binary, count, requests):
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "allswell.toml"
        path.write_text(config(count))
        state = os.path.join(directory, "state")
        log = open(os.path.join(directory, "log"), "w")
        start = lambda: subprocess.Popen([binary, "--config", str(path), "--state", state], stdout=log, stderr=log)
        began = time.perf_counter()
        subprocess.run([pathlib.Path(binary).parent / "allswell", "validate", "--config", str(path)], check=True, stdout=log, stderr=log)
        read = time.perf_counter() - began
        ups, watcher, peer = [], None, None
        try:
            for _ in range(2):
                if watcher:
                    watcher.terminate()
                    watcher.wait(60)
                began = time.perf_counter()
                watcher = start()
                until_up(ADDRESS, watcher)
                ups.append(time.perf_counter() - began)
            print(f"{count} checks: validate takes {read:.2f} s; the first answer comes after {ups[0]:.2f} s, started again after {ups[1]:.2f} s")
            middle = f"job%20{count // 2:06}"
            pages = ["/", "/checks", f"/checks?q={middle}", "/checks?q=nobody", f"/checks/{middle}", "/incidents", "/switches"]
            connection = http.client.HTTPConnection(*ADDRESS, timeout=60)
            connection.request("GET", "/")
            peer = nginx(directory, connection.getresponse().read())
            until_up(PEER, peer)
            p50, p99, size = measure(PEER, "/page.html", requests)
            rows.append({"checks": count, "page": "nginx, the overview as a file", "p50_ms": p50, "p99_ms": p99, "bytes": size})
            for page in pages:
                p50, p99, size = measure(ADDRESS, page, requests)
                rows.append({"checks": count, "page": page, "p50_ms": p50, "p99_ms": p99, "bytes": size})
            print(f"{count} checks: {memory(watcher):.0f} MB resident")
            assets = sum(measure(ADDRESS, asset, 1)[2] for asset in ["/style.css", "/live.js", "/icon.svg"])
            first = next(row["bytes"] for row in rows if row["page"] == "/")
            rows.append({"checks": count, "page": "a first view, with style, script, icon", "p50_ms": 0, "p99_ms": 0, "bytes": first + assets})
        finally:
            for process in filter(None, [peer, watcher]):
                process.terminate()
                process.wait(30)
    return rows


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--checks", default="1000,100000")
    options.add_argument("--requests", type=int, default=200)
    options.add_argument("--binary", default="target/release/allswell-watcher")
    options.add_argument("--json")
    given = options.parse_args()
    rows = []
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for count in given.checks.split(","):
        found = one(given.binary, int(count), given.requests)
        print(f"{'checks':>8}  {'page':<36} {'p50 ms':>8} {'p99 ms':>8} {'bytes':>8}")
        for row in found:
            print(f"{row['checks']:>8}  {row['page']:<36} {row['p50_ms']:>8.2f} {row['p99_ms']:>8.2f} {row['bytes']:>8}", flush=True)
        rows += found
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(rows, indent=1))


main()
