#!/usr/bin/env python3
"""What a switch costs with each proxy: 64 keep-alive clients ask while it switches to and fro.

  benches/switch-proxies.py [--allswell PATH] [--switches 20] [--clients 64] [kind ...]

Needs nginx, haproxy and caddy from Debian's packages. Says, for each: requests answered, failed GETs and POSTs (no answer, or 5xx), connections
that the proxy closed, requests sent after the command returned that the old colour answered, and the time from the shift on a switch takes.
"""
import argparse, asyncio, json, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time

IP = "127.9.8.7"
CONFIG = """[app]
name = "bench"
heartbeats = false
[app.blue]
address = "{ip}:3001"
[app.green]
address = "{ip}:3002"
[runtime]
command = "true"
[proxy]
kind = "{kind}"
live = "{ip}:8000"
idle = "{ip}:8080"
health = "{ip}:7702"
{more}
[switch]
passes = 2
drain = "5s"
observe = "100ms"
[probe]
every = "500ms"
[prober]
listen = "{ip}:7701"
health = "{ip}:7703"
watchers = ["http://{ip}:7700"]
"""


async def upstream(colour, port):
    async def serve(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                if length:
                    await reader.readexactly(int(length[1]))
                await asyncio.sleep(0.005)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(colour), colour))
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(serve, IP, port)


class Tally:
    def __init__(self):
        self.answered = self.get = self.post = self.closed = self.stray = 0
        self.live, self.since = b"blue", 0.0


async def client(number, tally, over):
    turn = number
    while not over.is_set():
        try:
            reader, writer = await asyncio.open_connection(IP, 8000)
        except OSError:
            tally.get += 1
            await asyncio.sleep(0.01)
            continue
        try:
            while not over.is_set():
                turn += 1
                post = turn % 2
                live, since = tally.live, tally.since
                try:
                    writer.write(b"POST /x HTTP/1.1\r\nhost: b\r\ncontent-length: 100\r\n\r\n" + b"x" * 100 if post else b"GET /x HTTP/1.1\r\nhost: b\r\n\r\n")
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
                    body = await reader.readexactly(length)
                except (asyncio.IncompleteReadError, ConnectionError):
                    # Nothing of an answer came: whether it was done, nobody knows.
                    tally.post += post
                    tally.get += 1 - post
                    tally.closed += 1
                    break
                if b" 200 " not in head.split(b"\r\n")[0]:
                    tally.post += post
                    tally.get += 1 - post
                else:
                    tally.answered += 1
                    tally.stray += live == tally.live and since == tally.since and since > 0 and body != live
                if b"onnection: close" in head:
                    tally.closed += 1
                    break
        finally:
            writer.close()


def start(words, folder, log):
    return subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=open(folder / log, "ab"), stderr=subprocess.STDOUT,
                            env={**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)})


def front(kind, folder, allswell):
    place = ["--config", "allswell.toml", "--state", "state"]
    snippet = subprocess.run([allswell, "snippet", *place], cwd=folder, check=True, capture_output=True, text=True).stdout
    if kind == "embedded":
        return start([allswell, "proxy", *place], folder, "front.log")
    if kind == "haproxy":
        (folder / "haproxy.cfg").write_text(f"global\n    stats socket {folder}/haproxy.sock mode 600 level admin\ndefaults\n"
                                            f"    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n{snippet}")
        return start(["haproxy", "-W", "-db", "-f", "haproxy.cfg"], folder, "front.log")
    if kind == "nginx":
        (folder / "servers.conf").write_text(snippet)
        temps = "".join(f"{name}_temp_path {folder}/{name};" for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
        (folder / "nginx.conf").write_text(f"daemon off;pid {folder}/nginx.pid;error_log {folder}/error.log;worker_processes auto;events {{}}"
                                           f"http {{access_log off;keepalive_requests 1000000;{temps}include {folder}/servers.conf;}}")
        return start(["nginx", "-p", str(folder), "-c", f"{folder}/nginx.conf"], folder, "front.log")
    (folder / "caddy.json").write_text(snippet)
    return start(["caddy", "run", "--resume", "--config", "caddy.json"], folder, "front.log")


async def switch(allswell, folder, to, tally):
    tally.since = 0.0  # While it switches, either colour is right.
    process = await asyncio.create_subprocess_exec(allswell, "switch", to, "--yes", "--json", "--config", "allswell.toml", "--state", "state",
                                                   cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    if process.returncode:
        sys.exit(f"{to}: {out.decode()}{err.decode()}")
    at = {event["phase"]: event["at"] for event in json.loads(out)["events"]}
    tally.live, tally.since = to.encode(), time.monotonic()
    await asyncio.sleep(0.3)
    return at


async def measure(kind, options):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="switch-"))
    more = {"haproxy": f'socket = "{folder}/haproxy.sock"', "caddy": f'admin = "{IP}:2019"',
            "nginx": f'pid = "{folder}/nginx.pid"\ncommand = ["nginx", "-p", "{folder}", "-c", "{folder}/nginx.conf"]'}.get(kind, "")
    (folder / "allswell.toml").write_text(CONFIG.format(ip=IP, kind=kind, more=more))
    servers = [await upstream(b"blue", 3001), await upstream(b"green", 3002)]
    processes = [front(kind, folder, options.allswell)]
    try:
        await asyncio.sleep(1.5)
        processes.append(start([options.allswell, "prober", "--config", "allswell.toml", "--state", "state"], folder, "prober.log"))
        await asyncio.sleep(2)
        tally, over = Tally(), asyncio.Event()
        clients = [asyncio.create_task(client(number, tally, over)) for number in range(options.clients)]
        await asyncio.sleep(0.5)
        began = time.monotonic()
        for number in range(options.switches):
            await switch(options.allswell, folder, ["green", "blue"][number % 2], tally)
        took = time.monotonic() - began
        over.set()
        await asyncio.wait(clients, timeout=10)
        print(f"| {kind} | {tally.answered} | {tally.get} | {tally.post} | {tally.closed} | {tally.stray} | {took / options.switches:.1f} s |", flush=True)
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        for server in servers:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--allswell", default=str(pathlib.Path(__file__).resolve().parent.parent / "target/release/allswell"))
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("kinds", nargs="*", default=["embedded", "haproxy", "nginx", "caddy"])
    options = parser.parse_args()
    options.allswell = str(pathlib.Path(options.allswell).resolve())
    print("| proxy | answered | failed GET | failed POST | connections closed | old colour after the command | a switch took |\n|---|---:|---:|---:|---:|---:|---:|")
    for kind in options.kinds:
        asyncio.run(measure(kind, options))


main()
