#!/usr/bin/env python3
"""How soon a failed probe stands on the open page: a real Chromium shows the status page of a whole system, and an app begins to fail.

    cargo build --release && benches/seen.py [--times 30] [--binary target/release/allswell]

Each time the idle app begins to fail at a moment of its own between two probes; measured is until the page, which is not loaded anew, says
"failing, 1 of 3". Asked for: within the interval of probes and 2 s. Everything is on an address of its own, in a temporary directory, and ends
with the script. Needs Debian's chromium and chromium-driver.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

HOST = "127.77.0.1"
EVERY = 2.0
SPARE = 2.0

# The page's own clock is the machine's. The mark is gone where the page was loaded anew.
WATCH = """
window.marked = true;
window.seen = null;
new MutationObserver(() => {
  const card = document.querySelector('.card.green p.health');
  if (window.seen === null && card && card.innerText.includes('failing, 1 of 3')) window.seen = Date.now();
}).observe(document.body, { subtree: true, childList: true, characterData: true });
"""


def until(what, found, limit=60):
    ends = time.monotonic() + limit
    while time.monotonic() < ends:
        try:
            value = found()
        except OSError:
            value = None
        if value:
            return value
        time.sleep(0.1)
    sys.exit(f"not within {limit} s: {what}")


class Browser:
    """One window, over WebDriver."""

    def __init__(self, directory):
        log = pathlib.Path(directory) / "chromedriver.log"
        out = open(log, "w")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=out, stderr=out, env={**os.environ, "TMPDIR": directory})
        said = until("chromedriver says its port", lambda: [line for line in log.read_text().splitlines() if "successfully on port " in line])
        self.base = f"http://127.0.0.1:{said[0].split('successfully on port ')[1].split('.')[0].strip()}/session"
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={directory}/chromium"]
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": arguments}}}
        self.base += "/" + self.order("", {"capabilities": wanted})["sessionId"]

    def order(self, path, order):
        request = urllib.request.Request(self.base + path, json.dumps(order).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def run(self, script):
        return self.order("/execute/sync", {"script": script, "args": []})

    def end(self):
        urllib.request.urlopen(urllib.request.Request(self.base, method="DELETE"), timeout=60).read()
        self.driver.terminate()
        self.driver.wait(30)


def once(allswell, browser):
    browser.run("window.seen = null")
    time.sleep(random.uniform(0, EVERY))
    # Before the order, so that what the order takes counts against us.
    began = time.time()
    allswell("demo", "fail", "green")
    seen = until("the page shows it", lambda: browser.run("return window.seen"))
    allswell("demo", "recover", "green")
    until("green works again", lambda: browser.run("return !!document.querySelector('.card.green .health.good')"))
    if not browser.run("return window.marked === true"):
        sys.exit("the page was loaded anew")
    return seen / 1000 - began


def measure(binary, times, directory):
    state = f"{directory}/state"
    common = dict(cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    allswell = lambda *words: subprocess.run([binary, *words, "--state", state], check=True, **common)
    up = subprocess.Popen([binary, "up", "--bind", HOST, "--state", state], **common)
    browser = None
    try:
        until("the page is there", lambda: urllib.request.urlopen(f"http://{HOST}:7700/", timeout=5).status == 200)
        browser = Browser(directory)
        browser.order("/url", {"url": f"http://{HOST}:7700/"})
        until("both work, and the page is live", lambda: browser.run(
            "return document.querySelectorAll('.card .health.good').length === 2 && document.getElementById('fresh').textContent === 'live'"))
        browser.run(WATCH)
        return sorted(once(allswell, browser) for _ in range(times))
    finally:
        if browser:
            browser.end()
        up.terminate()
        up.wait(60)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--times", type=int, default=30)
    options.add_argument("--binary", default="target/release/allswell")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        took = measure(str(pathlib.Path(given.binary).resolve()), given.times, directory)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; probes every {EVERY:.0f} s, {len(took)} times")
    print(f"from the first bad answer possible to the words on the page: p50 {took[len(took) // 2]:.2f} s, max {took[-1]:.2f} s")
    late = [f"{one:.2f}" for one in took if one > EVERY + SPARE]
    print(f"later than {EVERY + SPARE:.0f} s: {len(late)} {late}")


main()
