// Keeps the pushed state, and shows it. Texts of callers only ever become text nodes.

const $ = (id) => document.getElementById(id);
const FEED = 200; // events that are kept
const PARTS = ["channels", "calls", "queues", "endpoints", "parking", "conferences", "mailboxes", "registrations"];
const state = { servers: {}, placed: {} }; // servers: by name, the parts, the calls that ended, and the link
const DIALLED = /^[0-9A-Za-z*#+_.-]{1,40}$/;
const FIELDS = {
  phone: [/^((PJSIP|SIP|IAX2|DAHDI)\/)?[0-9A-Za-z*#+_.-]{1,40}$/, "Your phone: a number or a name as ada, or a telephone as PJSIP/ada"],
  number: [DIALLED, "Number: at most 40 letters, digits, and * # + _ . -"],
};
const feed = [];
const rates = Array(60).fill(0);
let session = null;
let skew = 0; // seconds that the server's clock is ahead of ours
let paused = false;
let due = false;
let chosen = ""; // the chosen server; empty for all

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
    const wrong = Array.isArray(detail) ? detail.map((each) => each.msg).join("; ") : detail;
    throw new Error(wrong ?? `the dashboard answered ${answer.status}`);
  }
}

const at = (server, path) => `${path}?server=${encodeURIComponent(server)}`;

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
    [state.servers, state.placed] = [whole.servers, whole.placed];
    feed.splice(0, feed.length, ...whole.feed.reverse());
    showFeed();
  });
  listen("patch", (patch) => {
    skew = patch.now - Date.now() / 1000;
    merge(state.placed, patch.placed);
    for (const [server, told] of Object.entries(patch.servers)) {
      const known = state.servers[server];
      if (told === null) delete state.servers[server];
      else if (told.whole) state.servers[server] = told;
      else if (known) {
        for (const part of PARTS) merge(known[part], told[part]);
        known.ended = told.ended ?? known.ended;
        known.link = told.link ?? known.link;
      }
    }
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

function merge(things, changes) {
  for (const [key, value] of Object.entries(changes ?? {})) {
    if (value === null) delete things[key];
    else things[key] = value;
  }
}

// The servers. Each shown thing has the name of its server, `on`, and is `stale` if the server is away.

const several = () => Object.keys(state.servers).length > 1;
const servers = () => Object.entries(state.servers).filter(([server]) => !chosen || server === chosen);
const marked = (server, thing) => ({ ...thing, on: server, badge: several() && server, stale: several() && !state.servers[server]?.link.synced });
const all = (part) => servers().flatMap(([server, its]) =>
  Object.entries(its[part]).map(([key, thing]) => [`${server} ${key}`, { ...marked(server, thing), key }]));

function showServers() {
  const { length } = Object.keys(state.servers);
  if (chosen && !state.servers[chosen]) chosen = "";
  $("servers").hidden = $("place-server").hidden = length < 2;
  if (length < 2) return;
  const named = Object.entries(state.servers).map(([server, { link }]) => [server, link]);
  list($("servers"), named, buildServer);
  for (const node of $("servers").children) node.firstElementChild.setAttribute("aria-pressed", node.dataset.key === chosen);
  const select = $("place").server;
  list(select, named.map(([server]) => [server, server]), (server) => make("option", { value: server }, server));
}

function choose(server) {
  chosen = chosen === server ? "" : server;
  if (chosen) $("place").server.value = chosen;
  showAll();
  showFeed();
}

function buildServer(server, link) {
  const kind = linkKind(link);
  const day = Date.now() / 1000 + skew - link.since > 86400;
  const moment = day ? new Date(link.since * 1000).toLocaleString([], { hour12: false }) : clock(link.since);
  const word = kind === "lost" ? "lost for good" : kind === "down" ? "no link" : kind === "up" ? "live" : "catching up";
  const away = kind === "lost" || kind === "down";
  return make("li", {},
    make("button", { class: "server", "data-state": away ? "down" : kind, title: `Show ${server} alone`, onclick: () => choose(server) },
      make("span", { class: "dot", "data-state": { up: "up", "catching-up": "paused" }[kind] ?? "busy" }),
      make("b", {}, server),
      make("span", { class: "quiet" }, away ? `${word} since ${moment}` : word),
      away && link.why ? make("span", { class: "why" }, link.why) : null));
}

// The state of a link: up, catching-up, down (it is tried again), or lost for good.
function linkKind({ state: link, synced }) {
  if (synced) return "up";
  if (link === "ready") return "catching-up";
  return link === "lost" || link === "closed" ? "lost" : "down";
}

// Building the nodes of the page

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

// Shows one node for each thing, and keeps present nodes: a node is built again only if its thing has changed.
function list(parent, things, build) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let before = null;
  for (const [key, thing] of things) {
    const looks = JSON.stringify(thing);
    let node = known.get(key);
    if (!node || node.dataset.looks !== looks) {
      const fresh = build(thing.key ?? key, thing);
      if (thing.badge) {
        const badge = make("span", { class: "badge" }, thing.badge);
        const place = fresh.querySelector(".title, .queue > header, .leg-text, summary > .quiet");
        if (place) place.prepend(badge, " ");
        else fresh.append(badge);
        fresh.classList.toggle("away", thing.stale);
      }
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
  for (const queue of Object.values(state.servers[channel.on]?.queues ?? {})) {
    const member = queue.members.find((each) => each.interface === name);
    if (member?.name) return member.name;
  }
  return "";
}

function doing(channel) {
  if (channel.application.startsWith("App") || !channel.application) return channel.bridge ? "talking" : words[channel.state] ?? channel.state;
  return `${channel.application} ${channel.data.split(",")[0]}`;
}

const phases = { other: "in the dialplan", held: "on hold", conference: "conference" };

function buildCall(linkedid, { call, channels, on }) {
  const phase = call.state;
  const names = `${call.caller.text || "somebody"}${call.callee.text ? ` → ${call.callee.text}` : ""}`;
  const legs = channels.map(([id, channel]) =>
    make("li", { class: "leg", "data-channel": id },
      make("span", { class: "dot", "data-state": channel.bridge ? "talking" : channel.state }),
      make("div", { class: "leg-text" },
        make("b", {}, who(channel)),
        make("span", { class: "quiet" },
          [!outgoing(channel) && channel.label && channel.number, device(channel.name)].filter((text) => text && text !== who(channel)).join(" · "))),
      make("span", { class: "quiet doing" }, doing(channel)),
      make("span", { class: "buttons" },
        make("button", { class: "small", title: `Transfer ${channel.name}`, onclick: () => transfer(on, id, channel) }, "Transfer"),
        make("button", { class: "small danger", title: `Hang up ${channel.name}`,
          onclick: () => ask(`Hang up ${who(channel)}?`, "Hang up", () => act(at(on, `/api/channels/${encodeURIComponent(id)}/hangup`))) }, "Hang up"))));
  return make("article", { class: "call", "data-phase": phase },
    make("header", {},
      make("span", { class: "tag", "data-phase": phase }, phases[phase] ?? phase),
      make("b", { class: "title" }, call.caller.text || "somebody",
        call.callee.text && (phase !== "waiting" || call.callee.id) ? make("span", { class: "quiet" }, " → ", call.callee.text) : "",
        call.queue ? make("span", { class: "quiet" }, phase === "waiting" ? ` in ${call.queue}` : ` by ${call.queue}`) : ""),
      since(call.since),
      make("button", { class: "small danger solid", title: "Hang up the whole call",
        onclick: () => ask(`End the call ${names}?`, "End it", () => act(at(on, `/api/calls/${encodeURIComponent(linkedid)}/hangup`))) }, "End call")),
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

// A line with a dot, a subject, and its details

const row = (dot, title, quiet, end = null) => make("li", { class: "row" },
  dot === null ? null : make("span", { class: "dot", "data-state": dot }),
  make("span", { class: "leg-text" }, make("b", {}, title), make("span", { class: "quiet" }, quiet)),
  end === null ? null : typeof end === "string" ? make("span", { class: "end" }, end) : end);

function buildEndpoint(name, endpoint) {
  const at = endpoint.contacts.map(({ at, reachable, milliseconds }) =>
    `${at}${reachable === false ? " does not answer" : milliseconds === null ? "" : `, ${milliseconds} ms`}`).join("; ");
  return row(endpoint.state, name, at || "nowhere", statuses[endpoint.state] ?? endpoint.state);
}

function buildEnded(key, call) {
  const end = call.reason === "answered" ? `talked ${spell(call.talked)}` : call.reason !== "unknown" ? call.reason : call.seen ? "not answered" : "end not seen";
  return make("li", { class: "row ended" },
    make("span", { class: "leg-text" }, make("b", {}, call.caller || "somebody")),
    make("time", { class: "quiet" }, clock(call.since)),
    make("span", { class: "quiet callee" }, `→ ${call.callee || "nobody"}${call.queue ? ` by ${call.queue}` : ""}`),
    make("span", { class: "end", "data-reason": call.reason }, end));
}

function buildParked(key, { space, channel, since: moment, shown }) {
  return row("on_hold", space, shown ? who(shown) : device(channel), since(moment));
}

function buildConference(name, conference) {
  return make("li", {}, row(null, name, conference.locked ? "locked" : "", `${conference.people.length} in it`),
    make("ul", { class: "people" }, ...conference.people.map((each) =>
      row(each.talking ? "talking" : each.muted ? "paused" : "not_in_use", each.shown ? who(each.shown) : device(each.channel),
        [each.admin && "leads it", each.muted && "muted"].filter(Boolean).join(", ")))));
}

const buildMailbox = (name, { new: fresh, old }) => row(fresh ? "ringing" : "none", name, `${old} old`, fresh ? `${fresh} new` : "nothing new");
const buildRegistration = (name, { server, state: word }) =>
  row(word === "Registered" ? "up" : "busy", name, server.replace(/^sips?:/, ""), word.toLowerCase());

const spell = (seconds) => { const whole = Math.round(seconds); return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`; };
const clock = (moment) => new Date(moment * 1000).toLocaleTimeString([], { hour12: false });

function showPart(part, things, build) {
  list($(part), things, build);
  const sentence = document.querySelector(`[data-part="${part}"]`);
  sentence.dataset.empty ??= sentence.textContent;
  const reasons = untold([part]);
  sentence.textContent = reasons ? `Asterisk does not tell: ${reasons}` : sentence.dataset.empty;
  sentence.hidden = things.length > 0 && !(reasons && several());
}

// The parts that servers do not show, with the reasons.
const untold = (parts) => servers().flatMap(([server, { link }]) => parts.filter((part) => link.unavailable?.[part])
  .map((part) => `${several() ? `${server}: ` : ""}${parts.length > 1 ? `${part}: ` : ""}${link.unavailable[part]}`)).join("; ");

function buildPlaced(key, call) {
  const calling = call.outcome === "calling";
  const good = call.outcome === "answered";
  return make("li", { "data-outcome": calling ? "calling" : good ? "answered" : "other" },
    make("span", { class: "outcome" }, calling ? "ringing …" : call.outcome.replace("_", " ")),
    make("span", {}, make("b", {}, call.from), " → ", make("b", {}, call.to)),
    make("span", { class: "quiet" }, `by ${call.by}`));
}

// Showing the state

function show() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; showAll(); });
}

function showAll() {
  showServers();
  const channelOf = (on, id) => state.servers[on].channels[id] && { ...state.servers[on].channels[id], on };
  const calls = all("calls").sort(([, a], [, b]) => b.since - a.since); // the newest call is on top
  list($("calls"), calls.map(([key, { on, badge, stale, key: linkedid, ...call }]) => {
    const channels = call.channels.map((id) => [id, channelOf(on, id)]).filter(([, channel]) => channel);
    return [key, { call, channels, on, badge, stale, key: linkedid }];
  }), buildCall);
  $("no-calls").hidden = calls.length > 0;
  const byName = (part) => all(part).sort(([, a], [, b]) => a.key.localeCompare(b.key) || a.on.localeCompare(b.on));
  const queues = byName("queues");
  list($("queues"), queues, buildQueue);
  $("no-queues").hidden = queues.length > 0;
  const placed = Object.entries(state.placed).filter(([, { on }]) => !chosen || on === chosen);
  list($("placed"), placed.reverse().slice(0, 5).map(([key, call]) => [key, { ...marked(call.on, call), stale: false, key }]), buildPlaced);

  // The figures are of this moment: servers that are away count only if all are away, and the figures are grey then.
  const kinds = servers().map(([, { link }]) => linkKind(link));
  const counts = ([, thing]) => !thing.stale || !kinds.includes("up");
  const counted = queues.filter(counts);
  const waiting = counted.reduce((sum, [, queue]) => sum + queue.callers.length, 0);
  const members = new Map();
  for (const [, queue] of counted) for (const member of queue.members) members.set(`${queue.on} ${member.interface}`, member);
  const free = [...members.values()].filter((member) => !member.paused && !member.in_call && member.status === "not_in_use");
  const named = (on, each) => ({ ...each, shown: channelOf(on, each.id) });
  const parked = servers().flatMap(([server, { parking }]) => Object.keys(parking).sort().flatMap((lot) => parking[lot])
    .map((each) => [`${server} ${each.id}`, { ...marked(server, named(server, each)), key: each.id }]));
  const ended = servers().flatMap(([server, its]) => its.ended.map((call) => [`${server} ${call.id}`, marked(server, call)]));
  if (several()) ended.sort(([, a], [, b]) => b.since - a.since);
  showPart("endpoints", byName("endpoints"), buildEndpoint);
  showPart("ended", ended.map(([key, call]) => [key, { ...call, stale: false }]), buildEnded); // an ended call never becomes stale
  showPart("parking", parked, buildParked);
  showPart("conferences", byName("conferences").map(([key, room]) => [key, { ...room, people: room.people.map((each) => named(room.on, each)) }]), buildConference);
  showPart("mailboxes", byName("mailboxes").sort(([, a], [, b]) => (b.new > 0) - (a.new > 0)), buildMailbox);
  showPart("registrations", byName("registrations"), buildRegistration);

  $("count-calls").textContent = calls.filter(counts).length;
  $("count-waiting").textContent = waiting;
  $("figure-waiting").classList.toggle("alert", waiting > 0);
  $("count-free").textContent = free.length;
  $("count-members").textContent = members.size;
  document.title = waiting ? `(${waiting}) Switchboard` : "Switchboard";

  // A missing part is explained at its place.
  const missing = untold(["channels", "queues"]);
  const told = missing ? `Asterisk does not tell all: ${missing}` : "";
  const live = kinds.filter((kind) => kind === "up").length;
  if (live && live < kinds.length) showLink("partly", told, `${live} of ${kinds.length} live`);
  else if (live) showLink("up", told);
  else if (kinds.includes("catching-up")) showLink("catching-up", "");
  else if (kinds.length > 1) showLink("down", "There is no link to any server; what is grey is how it was before.", "no link to any server");
  else if (kinds.length === 1) {
    const [[server, { link }]] = servers();
    const name = several() ? server : "Asterisk";
    const fate = kinds[0] === "lost" ? `The link to ${name} is lost for good.` : `There is no link to ${name}; what is grey is how it was before. It is tried again.`;
    showLink("down", `${fate} ${link.why}`, `no link to ${name}`);
  }
}

function showLink(kind, text, name = null) {
  const names = { up: "live", "catching-up": "catching up", away: "no answer" };
  $("link").dataset.state = kind;
  $("link").lastElementChild.textContent = name ?? names[kind];
  $("banner").hidden = !text;
  $("banner").textContent = text;
  const some = kind === "up" || kind === "partly";
  $("banner").classList.toggle("mild", some);
  document.body.classList.toggle("stale", !some);
}

function showFeed() {
  const wanted = $("filter").value.trim().toLowerCase();
  const text = ([name, value]) => `${name}: ${value}`;
  const shown = feed.filter((event) => (!chosen || event.on === chosen) &&
    (!wanted || `${event.name}\n${event.headers.map(text).join("\n")}`.toLowerCase().includes(wanted)));
  $("no-events").hidden = shown.length > 0;
  $("no-events").textContent = wanted ? `No event of the last ${feed.length} has “${$("filter").value.trim()}”.` : "Nothing has happened yet.";
  list($("feed"), shown.slice(0, 60).map((event) => [`${event.number}`, { ...marked(event.on, event), stale: false }]), (_, event) => {
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

// Actions of the user

function ask(question, answer, then) {
  const dialog = $("sure");
  $("sure-question").textContent = question;
  $("sure-yes").textContent = answer;
  dialog.returnValue = "";
  dialog.onclose = () => { if (dialog.returnValue === "yes") then(); };
  dialog.showModal();
}

// Shows the problem of the first wrong field beside it; returns true if all fields are right.
function check(form, problem) {
  problem.textContent = "";
  const inputs = [...form.querySelectorAll("input")];
  for (const input of inputs) input.removeAttribute("aria-invalid");
  const wrong = inputs.find((input) => !FIELDS[input.name][0].test(input.value.trim()));
  if (!wrong) return true;
  wrong.setAttribute("aria-invalid", "true");
  const name = wrong.labels[0].textContent.trim();
  problem.textContent = wrong.value.trim() ? FIELDS[wrong.name][1].replace(/^[^:]*/, name) : `${name}: say whom to call`;
  wrong.focus();
  return false;
}

function transfer(on, id, channel) {
  const dialog = $("transfer");
  $("transfer-problem").textContent = "";
  $("transfer-who").textContent = who(channel);
  dialog.querySelector("input").value = "";
  dialog.returnValue = "";
  dialog.onclose = () => {
    const number = dialog.querySelector("input").value.trim();
    if (dialog.returnValue === "transfer") act(at(on, `/api/channels/${encodeURIComponent(id)}/transfer`), { number });
  };
  dialog.showModal();
}

$("place").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  if (!check(form, $("place-problem"))) return;
  const [phone, number] = [form.phone.value.trim(), form.number.value.trim()];
  localStorage.setItem("phone", phone);
  try {
    await post(several() ? at(form.server.value, "/api/calls") : "/api/calls", { phone, number });
  } catch (error) {
    $("place-problem").textContent = error.message;
  }
});

$("logout").addEventListener("click", async () => {
  await act("/logout");
  location.replace("/login");
});
$("transfer").querySelector("form").addEventListener("submit", (event) => {
  if (!check(event.currentTarget, $("transfer-problem"))) event.preventDefault();
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
