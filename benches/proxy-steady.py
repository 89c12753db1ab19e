#!/usr/bin/env python3
"""Our proxy beside nginx, HAProxy and Caddy: what it adds to an answer at an even rate, and what idle clients cost in memory.

    benches/proxy-steady.py [--rate 5000] [--seconds 5] [--rounds 3] [--clients 10000] [--sockets 1000] [NAME=EXECUTABLE ...]

Needs what benches/proxy.py needs, and rustc for the load, benches/steady.rs: each answer is timed from when its request was due. Memory is
what the proxy's processes have resident, pages that they share counted once, each started anew for it.
"""
import argparse
import asyncio
import base64
import hashlib
import json
import pathlib
import socket
import statistics
import subprocess
import tempfile
import threading
import time

from proxy import HERE, end, family, free_port, rivals, start, start_app, with_ours

SHARES = ("p50", "p99", "p999")


def steady(tool, port, options):
    words = [tool, f"127.0.0.1:{port}", "/small", options.rate, options.seconds, options.connections]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def latencies(work, upstream, options):
    tool = work / "steady"
    subprocess.run(["rustc", "-O", "--edition", "2024", "-o", tool, HERE / "steady.rs"], check=True)
    running = {name: start(name, executable, work, upstream, options.threads) for name, executable in rivals(options.ours).items()}
    ports = {"straight to the app": upstream[0]} | {name: port for name, (port, _) in running.items()}
    rows = {name: [] for name in ports}
    try:
        for _ in range(options.rounds):
            for name, port in ports.items():
                rows[name].append(steady(tool, port, options))
    finally:
        end([process for _, process in running.values()])
    return {name: {share: statistics.median(one[share] for one in rows[name]) for share in SHARES} for name in rows}


def resident(pid):
    """Megabytes."""
    total = 0
    for one in family(pid):
        lines = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def until(client, mark):
    heard = b""
    while mark not in heard:
        piece = client.recv(4096)
        if not piece:
            raise ConnectionError(f"closed after {heard}")
        heard += piece


def idle_client(port):
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"GET /small HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    until(client, b"proxies\n")
    return client


def websocket(port):
    client = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(b"sixteen bytes ok").decode()
    lines = ["GET /ws HTTP/1.1", "host: 127.0.0.1", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"]
    client.sendall("\r\n".join([*lines, f"sec-websocket-key: {key}", "", ""]).encode())
    until(client, b"\x81\x02hi")
    return client


async def greet(reader, writer):
    """Agrees to a WebSocket, says hi, and waits for its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line.split(": ")[1] for line in head.splitlines() if line.lower().startswith("sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    said = f"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
    writer.write(said.encode() + b"\x81\x02hi")
    await reader.read()
    writer.close()


def serve_sockets(port):
    async def serve():
        server = await asyncio.start_server(greet, "127.0.0.1", port, backlog=4096)
        await server.serve_forever()
    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()


def memories(work, upstream, options):
    rows = {}
    for name, executable in rivals(options.ours).items():
        port, process = start(name, executable, work, upstream, options.threads)
        open_ones = []
        try:
            row = [resident(process.pid)]
            open_ones += [idle_client(port) for _ in range(options.clients)]
            time.sleep(options.rest)
            row.append(resident(process.pid))
            open_ones += [websocket(port) for _ in range(options.sockets)]
            time.sleep(1)
            row.append(resident(process.pid))
            rows[name] = row
        finally:
            for one in open_ones:
                one.close()
            end([process])
    return rows


def show(times, sizes, options):
    if times:
        print("| at an even rate | p50 ms | p99 ms | p99.9 ms | p99 added ms |\n|---|---:|---:|---:|---:|")
        straight = times["straight to the app"]["p99"]
        for name, row in times.items():
            cells = " | ".join(f"{row[share] / 1000:.2f}" for share in SHARES)
            print(f"| {name} | {cells} | {(row['p99'] - straight) / 1000:.2f} |")
    if sizes:
        clients, sockets = f"{options.clients:,} idle clients", f"and {options.sockets:,} WebSockets"
        print(f"\n| resident MB | just started | {clients} | {sockets} |\n|---|---:|---:|---:|")
        for name, row in sizes.items():
            print(f"| {name} | " + " | ".join(f"{size:.1f}" for size in row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--rest", type=int, default=12, help="seconds for which the idle clients are idle before memory is read")
    parser.add_argument("--only", choices=("time", "memory"))
    with_ours(parser)
    options = parser.parse_args()
    sockets = free_port()
    serve_sockets(sockets)
    with tempfile.TemporaryDirectory(prefix="allswell-bench-") as folder:
        work = pathlib.Path(folder)
        upstream, app = start_app(work, sockets=sockets)
        try:
            times = latencies(work, upstream, options) if options.only != "memory" else {}
            sizes = memories(work, upstream, options) if options.only != "time" else {}
        finally:
            end([app])
    show(times, sizes, options)
    if options.json:
        options.json.write_text(json.dumps({"microseconds": times, "megabytes": sizes}, indent=1) + "\n")


if __name__ == "__main__":
    main()
