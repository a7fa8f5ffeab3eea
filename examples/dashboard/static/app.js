// Keeps what the server pushes, and shows it. Texts of callers only ever become text nodes.

const $ = (id) => document.getElementById(id);
const FEED = 200; // events that are kept
const state = { channels: {}, queues: {}, placed: {}, link: { state: "connecting", synced: false, why: "" } };
const feed = [];
const rates = Array(60).fill(0);
let session = null;
let skew = 0; // seconds that the server's clock is ahead of ours
let paused = false;
let due = false;

// Talking with the server

async function post(path, body = {}) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": session.csrf },
    body: JSON.stringify(body),
  });
  if (answer.status === 401) location.replace("/login");
  if (!answer.ok) {
    const { detail } = await answer.json().catch(() => ({}));
    throw new Error(typeof detail === "string" ? detail : "that is no number that can be dialled");
  }
}

async function act(path, body) {
  try {
    await post(path, body);
  } catch (error) {
    toast(`${error.message}`);
  }
}

async function enter() {
  const answer = await fetch("/api/session").catch(() => null);
  if (answer?.status === 401) return location.replace("/login");
  if (!answer?.ok) {
    showLink("away", "The dashboard does not answer; it is tried again.");
    return setTimeout(enter, 2000);
  }
  session = await answer.json();
  $("user").textContent = session.user;
  const source = new EventSource("/api/stream");
  const listen = (name, take) => source.addEventListener(name, (event) => { take(JSON.parse(event.data)); show(); });
  listen("state", (whole) => {
    skew = whole.now - Date.now() / 1000;
    Object.assign(state, { channels: whole.channels, queues: whole.queues, placed: whole.placed, link: whole.link });
    feed.splice(0, feed.length, ...whole.feed.reverse());
    showFeed();
  });
  listen("patch", (patch) => {
    skew = patch.now - Date.now() / 1000;
    for (const kind of ["channels", "queues", "placed"]) {
      for (const [key, value] of Object.entries(patch[kind] ?? {})) {
        if (value === null) delete state[kind][key];
        else state[kind][key] = value;
      }
    }
    if (patch.link) state.link = patch.link;
  });
  listen("feed", ({ events, count, seconds }) => {
    rates[rates.length - 1] += count;
    if (!paused) {
      feed.unshift(...events.reverse());
      feed.length = Math.min(feed.length, FEED);
      showFeed();
    }
  });
  source.addEventListener("error", () => {
    showLink("away", "The dashboard does not answer; it is tried again.");
    if (source.readyState === EventSource.CLOSED) {
      source.close();
      setTimeout(enter, 2000);
    }
  });
}

// Making what is shown

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

// Shows one node for each thing, and keeps those that are there: what a thing looks like is made anew only if it differs.
function list(parent, things, build) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let before = null;
  for (const [key, thing] of things) {
    const looks = JSON.stringify(thing);
    let node = known.get(key);
    if (!node || node.dataset.looks !== looks) {
      const fresh = build(key, thing);
      fresh.dataset.key = key;
      fresh.dataset.looks = looks;
      if (node) node.replaceWith(fresh);
      else fresh.classList.add("new");
      node = fresh;
    }
    known.delete(key);
    const place = before ? before.nextSibling : parent.firstChild;
    if (place !== node) parent.insertBefore(node, place);
    before = node;
  }
  for (const node of known.values()) node.remove();
}

const since = (moment) => make("time", { "data-since": moment, class: "since" }, lasting(moment));

function lasting(moment) {
  const seconds = Math.max(0, Math.floor(Date.now() / 1000 + skew - moment));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return `${hours ? `${hours}:${two(Math.floor(seconds / 60) % 60)}` : Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

const words = { up: "up", ring: "calling", ringing: "ringing", down: "new", off_hook: "off hook", dialing: "dialling" };
const statuses = {
  not_in_use: "free", in_use: "in use", busy: "busy", ringing: "ringing", ring_in_use: "ringing", on_hold: "on hold",
  unavailable: "away", invalid: "invalid", unknown: "unknown",
};

const device = (name) => name.replace(/-[0-9a-f]{8}(;[12])?$/, "$1");
const outgoing = (channel) => ["AppDial", "AppQueue"].includes(channel.application); // somebody whom Asterisk calls
const who = (channel) => (outgoing(channel) ? "" : channel.label || channel.number) || memberName(channel) || device(channel.name);

function memberName(channel) {
  const name = device(channel.name);
  for (const queue of Object.values(state.queues)) {
    const member = queue.members.find((each) => each.interface === name);
    if (member?.name) return member.name;
  }
  return "";
}

function doing(channel) {
  if (channel.application.startsWith("App") || !channel.application) return channel.bridge ? "talking" : words[channel.state] ?? channel.state;
  return `${channel.application} ${channel.data.split(",")[0]}`;
}

function stateOf(channels) {
  if (channels.some((channel) => channel.bridge)) return "talking";
  if (channels.some((channel) => channel.application === "Queue")) return "waiting";
  if (channels.some((channel) => ["ring", "ringing", "dialing"].includes(channel.state))) return "ringing";
  return channels.some((channel) => channel.state === "up") ? "up" : "new";
}

function buildCall(linkedid, { channels }) {
  const phase = stateOf(channels.map(([, channel]) => channel));
  const first = channels[0][1];
  const legs = channels.map(([id, channel]) =>
    make("li", { class: "leg", "data-channel": id },
      make("span", { class: "dot", "data-state": channel.bridge ? "talking" : channel.state }),
      make("div", { class: "leg-text" },
        make("b", {}, who(channel)),
        make("span", { class: "quiet" },
          [!outgoing(channel) && channel.label && channel.number, device(channel.name)].filter((text) => text && text !== who(channel)).join(" · "))),
      make("span", { class: "quiet doing" }, doing(channel)),
      make("span", { class: "buttons" },
        make("button", { class: "small", title: `Transfer ${channel.name}`, onclick: () => transfer(id, channel) }, "Transfer"),
        make("button", { class: "small danger", title: `Hang up ${channel.name}`,
          onclick: () => act(`/api/channels/${encodeURIComponent(id)}/hangup`) }, "Hang up"))));
  return make("article", { class: "call", "data-phase": phase },
    make("header", {},
      make("span", { class: "tag", "data-phase": phase }, phase),
      make("b", { class: "title" }, who(first), first.exten && first.exten !== "s" ? make("span", { class: "quiet" }, ` → ${first.exten}`) : ""),
      since(first.since),
      make("button", { class: "small danger solid", title: "Hang up the whole call",
        onclick: () => act(`/api/calls/${encodeURIComponent(linkedid)}/hangup`) }, "End call")),
    make("ul", { class: "legs" }, ...legs));
}

function buildQueue(name, queue) {
  const callers = queue.callers.map((caller, index) =>
    make("li", { class: "caller", "data-channel": caller.id },
      make("span", { class: "position" }, String(index + 1)),
      make("span", { class: "leg-text" }, make("b", {}, caller.label || caller.number || device(caller.channel)),
        make("span", { class: "quiet" }, caller.label ? caller.number : "")),
      since(caller.since)));
  const members = queue.members.map((member) => {
    const status = member.paused ? "paused" : member.in_call ? "talking" : member.status;
    return make("li", { class: "member", "data-state": status, title: `${member.interface}${member.reason ? `: ${member.reason}` : ""}` },
      make("span", { class: "dot", "data-state": status }),
      make("span", { class: "leg-text" }, make("b", {}, member.name || member.interface),
        make("span", { class: "quiet" }, member.paused ? member.reason || "paused" : member.in_call ? "talking" : statuses[member.status] ?? member.status)),
      make("span", { class: "taken", title: "calls taken" }, String(member.taken)));
  });
  return make("article", { class: "card queue", "data-queue": name },
    make("header", {}, make("h3", {}, name), make("span", { class: "quiet" }, queue.strategy),
      make("span", { class: "grow" }),
      make("span", { class: "quiet", title: "calls that were served, and callers who gave up" },
        make("span", { class: "good" }, `${queue.completed} served`), " · ",
        make("span", { class: queue.abandoned ? "bad" : "" }, `${queue.abandoned} lost`))),
    callers.length ? make("ol", { class: "callers" }, ...callers) : make("p", { class: "empty small-empty" }, "Nobody is waiting."),
    members.length ? make("ul", { class: "members" }, ...members) : make("p", { class: "empty small-empty" }, "Nobody is there to answer."));
}

function buildPlaced(key, call) {
  const calling = call.outcome === "calling";
  const good = call.outcome === "answered";
  return make("li", { "data-outcome": calling ? "calling" : good ? "answered" : "other" },
    make("span", { class: "outcome" }, calling ? "ringing …" : call.outcome.replace("_", " ")),
    make("span", {}, make("b", {}, call.from), " → ", make("b", {}, call.to)),
    make("span", { class: "quiet" }, `by ${call.by}`));
}

// Showing it

function show() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; showAll(); });
}

function showAll() {
  const calls = new Map();
  const channels = Object.entries(state.channels).sort(([, a], [, b]) => a.since - b.since);
  for (const [id, channel] of channels) {
    if (!calls.has(channel.call)) calls.set(channel.call, { channels: [] });
    calls.get(channel.call).channels.push([id, channel]);
  }
  list($("calls"), [...calls].reverse(), buildCall); // what has just begun is on top
  $("no-calls").hidden = calls.size > 0;
  const queues = Object.entries(state.queues).sort(([a], [b]) => a.localeCompare(b));
  list($("queues"), queues, buildQueue);
  $("no-queues").hidden = queues.length > 0;
  list($("placed"), Object.entries(state.placed).reverse().slice(0, 5), buildPlaced);

  const waiting = queues.reduce((sum, [, queue]) => sum + queue.callers.length, 0);
  const members = new Map();
  for (const [, queue] of queues) for (const member of queue.members) members.set(member.interface, member);
  const free = [...members.values()].filter((member) => !member.paused && !member.in_call && member.status === "not_in_use");
  $("count-calls").textContent = calls.size;
  $("count-waiting").textContent = waiting;
  $("figure-waiting").classList.toggle("alert", waiting > 0);
  $("count-free").textContent = free.length;
  $("count-members").textContent = members.size;
  document.title = waiting ? `(${waiting}) Switchboard` : "Switchboard";

  const { state: link, synced, why, unavailable } = state.link;
  const missing = Object.entries(unavailable ?? {}).map(([part, reason]) => `${part}: ${reason}`).join("; ");
  if (synced) showLink("up", missing ? `Asterisk does not tell all: ${missing}` : "");
  else if (link === "ready") showLink("catching-up", "");
  else if (link === "lost" || link === "closed") showLink("down", `The link to Asterisk is lost for good. ${why}`);
  else showLink("down", `There is no link to Asterisk; what you see may be out of date. It is tried again. ${why}`);
}

function showLink(kind, text) {
  const names = { up: "live", "catching-up": "catching up", down: "no link to Asterisk", away: "no answer" };
  $("link").dataset.state = kind;
  $("link").lastElementChild.textContent = names[kind];
  $("banner").hidden = !text;
  $("banner").textContent = text;
  $("banner").classList.toggle("mild", kind === "up");
  document.body.classList.toggle("stale", kind !== "up");
}

function showFeed() {
  const wanted = $("filter").value.trim().toLowerCase();
  const text = ([name, value]) => `${name}: ${value}`;
  const shown = wanted
    ? feed.filter((event) => `${event.name}\n${event.headers.map(text).join("\n")}`.toLowerCase().includes(wanted))
    : feed;
  list($("feed"), shown.slice(0, 60).map((event) => [`${event.number}`, event]), (_, event) => {
    const header = (name) => event.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? "";
    const about = [header("channel") || header("interface") || header("bridgeuniqueid") || header("device"),
      header("queue"), header("channelstatedesc"), header("cause-txt") || header("dialstatus")];
    return make("details", {},
      make("summary", {},
        make("time", {}, new Date(event.at * 1000).toLocaleTimeString([], { hour12: false })),
        make("b", { "data-kind": /^(Queue|Agent)/.test(event.name) ? "queue" : /Hangup/.test(event.name) ? "end" : /^Bridge/.test(event.name) ? "bridge" : "" }, event.name),
        make("span", { class: "quiet" }, about.filter(Boolean).join(" · "))),
      make("dl", {}, ...event.headers.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])));
  });
}

function showRate() {
  const recent = rates.slice(-5);
  const rate = recent.reduce((sum, each) => sum + each, 0) / recent.length;
  $("rate").textContent = rate >= 10 || rate === 0 ? Math.round(rate) : rate.toFixed(1);
  const top = Math.max(5, ...rates);
  const points = rates.map((each, index) => `${(index / (rates.length - 1)) * 120},${34 - (each / top) * 30}`).join(" ");
  $("spark").querySelector("polyline").setAttribute("points", points);
  $("spark").querySelector("polygon").setAttribute("points", `0,36 ${points} 120,36`);
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

// What people do

function transfer(id, channel) {
  const dialog = $("transfer");
  $("transfer-who").textContent = who(channel);
  dialog.querySelector("input").value = "";
  dialog.returnValue = "";
  dialog.onclose = () => {
    const number = dialog.querySelector("input").value;
    if (dialog.returnValue === "transfer") act(`/api/channels/${encodeURIComponent(id)}/transfer`, { number });
  };
  dialog.showModal();
}

$("place").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  $("place-problem").textContent = "";
  localStorage.setItem("phone", form.phone.value);
  try {
    await post("/api/calls", { phone: form.phone.value, number: form.number.value });
  } catch (error) {
    $("place-problem").textContent = error.message;
  }
});

$("logout").addEventListener("click", async () => {
  await act("/logout");
  location.replace("/login");
});
$("transfer-cancel").addEventListener("click", () => $("transfer").close());
$("filter").addEventListener("input", showFeed);
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", paused);
  $("pause").textContent = paused ? "Go on" : "Pause";
});

setInterval(() => {
  for (const node of document.querySelectorAll("[data-since]")) node.textContent = lasting(Number(node.dataset.since));
  showRate();
  rates.push(0);
  rates.shift();
}, 1000);

$("place").phone.value = localStorage.getItem("phone") ?? "";
enter();
