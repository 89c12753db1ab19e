"use strict";
// Keeps an open page up to date: an event says that something may have changed, or a time has passed, and the page is asked for again.
// What has changed is changed in place: the focus, what is typed and what is folded open stay.
(() => {
  const { events, every } = document.body.dataset;
  const fresh = document.getElementById("fresh");
  const RETRY = 5000;
  const SILENT = 12000;
  let source = null;
  let asking = false;
  let again = false;
  let drawn = Date.now();
  let skew = Date.now() - Date.parse(document.body.dataset.now);

  function morph(old, next) {
    if (old.isEqualNode(next)) return;
    if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName || old.id !== next.id) {
      old.replaceWith(document.importNode(next, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = next.data;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!next.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of next.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const before = [...old.childNodes];
    [...next.childNodes].forEach((node, place) => {
      if (place < before.length) morph(before[place], node);
      else old.append(document.importNode(node, true));
    });
    before.slice(next.childNodes.length).forEach((node) => node.remove());
  }

  function humane(millis) {
    const seconds = Math.floor(millis / 1000);
    const parts = [[Math.floor(seconds / 86400), "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "m"], [seconds % 60, "s"]];
    const first = parts.findIndex(([count]) => count > 0);
    const shown = first < 0 ? [] : parts.slice(first, first + 2).filter(([count]) => count > 0);
    return shown.map(([count, unit]) => count + unit).join(" ");
  }

  function tick() {
    const now = Date.now() - skew;
    for (const time of document.querySelectorAll("time[data-then]")) {
      const passed = now - Date.parse(time.dateTime);
      const words = humane(Math.abs(passed));
      let text = words ? words + " ago" : "just now";
      if (time.dataset.then === "due") text = passed > 0 ? (words || "under 1s") + " overdue" : "in " + (words || "under 1s");
      if (time.textContent !== text) time.textContent = text;
    }
    if (!fresh) return;
    const stale = Date.now() - drawn > SILENT;
    fresh.classList.toggle("live", !stale);
    fresh.classList.toggle("stale", stale);
    const words = stale ? "not live: as of " + new Date(drawn - skew).toISOString().slice(11, 19) + " UTC" : "live";
    if (fresh.textContent !== words) fresh.textContent = words;
  }

  async function look() {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error", signal: AbortSignal.timeout(SILENT) });
      if (!answer.ok) throw new Error(String(answer.status));
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = [...document.querySelectorAll("details[open]")].map((folded) => folded.id);
      morph(document.getElementById("main"), next.getElementById("main"));
      open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
      document.title = next.title;
      drawn = Date.now();
      skew = drawn - Date.parse(next.body.dataset.now);
    } catch {
      // The next event asks again; until then the page says how old it is.
    }
    asking = false;
    tick();
    if (again) {
      again = false;
      look();
    }
  }

  function listen() {
    if (!events) return;
    source = new EventSource(events);
    source.addEventListener("changed", look);
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => { if (!document.hidden) { look(); listen(); } }, RETRY);
    });
  }

  // A browser keeps few connections to one host: a page that nobody sees gives its own back.
  document.addEventListener("visibilitychange", () => {
    source?.close();
    if (!document.hidden) {
      look();
      listen();
    }
  });
  if (every) setInterval(() => document.hidden || look(), every * 1000);
  setInterval(tick, 1000);
  tick();
  listen();
})();
