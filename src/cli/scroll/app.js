"use strict";
// Keeps the scroll position in step for everyone who views the page. Positions are shares of the page, 0 to 1: windows differ in size.
const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const FIRST_WAIT = 250;
const LONGEST_WAIT = 8000;

let socket = null;
let wait = FIRST_WAIT;
let following = null; // where we were told to be: reaching it is no news
let scheduled = false;

const room = () => Math.max(1, root.scrollHeight - innerHeight);
const position = () => Math.min(1, Math.max(0, scrollY / room()));

function paint() {
  root.style.setProperty("--at", position().toFixed(4));
}

function follow(at) {
  following = Math.round(at * room());
  scrollTo({ top: following, behavior: "instant" });
  paint();
}

function say() {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ at: position() }));
}

function show(told) {
  root.dataset.colour = told.colour;
  document.title = `All's well: ${told.colour}`;
  byId("colour").textContent = told.colour;
  byId("version").textContent = told.version;
  byId("viewers").textContent = told.viewers > 1 ? `${told.viewers} viewers` : "alone";
}

function connect() {
  let greeted = false;
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/room`);
  socket.onopen = () => {
    wait = FIRST_WAIT;
    byId("link").classList.remove("off");
  };
  socket.onmessage = (event) => {
    const told = JSON.parse(event.data);
    show(told);
    if (told.at !== null) follow(told.at);
    // Nobody has scrolled in this room yet: whoever comes from another one brings their position along.
    else if (!greeted && scrollY > 0) say();
    greeted = true;
  };
  socket.onclose = () => {
    byId("link").classList.add("off");
    setTimeout(connect, wait * (0.5 + Math.random() / 2));
    wait = Math.min(LONGEST_WAIT, wait * 2);
  };
}

addEventListener("scroll", () => {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    paint();
    if (following !== null && Math.abs(scrollY - following) <= 2) return;
    following = null;
    say();
  });
}, { passive: true });
addEventListener("resize", paint, { passive: true });

paint();
connect();
