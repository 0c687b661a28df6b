// Times, polling, keys, the palette, copying. Everything else is a link or a form.
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
document.documentElement.classList.add("scripted");

// ---- Times: relative with the absolute one on hover, or absolute in a zone; remembered ------------
const ZONE = "provisioner.zone";
const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
const formats = new Map();
const inZone = (date, zone) => {
  const year = date.getFullYear() === new Date(Date.now()).getFullYear() ? {} : { year: "numeric" };
  const key = `${zone} ${Object.keys(year)}`;
  if (!formats.has(key)) {
    let format;
    const how = {
      ...year, month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
      hourCycle: "h23", timeZone: zone, timeZoneName: "short",
    };
    try { format = new Intl.DateTimeFormat("en-GB", how); }
    catch { format = new Intl.DateTimeFormat("en-GB", { ...how, timeZone: "UTC" }); }
    formats.set(key, format);
  }
  return formats.get(key).format(date).replace(",", "");
};
const span = (seconds) => {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d`;
};
const relative = (seconds) => (seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`);
const chosen = () => storage.getItem(ZONE) || "relative";

const zoneOf = (mode, job) => ({ mine, job, utc: "UTC", relative: mine })[mode];

function showTimes(within = document) {
  const mode = chosen();
  const now = Date.now();
  for (const time of $$("time[datetime]", within)) {
    const date = new Date(time.dateTime);
    const job = time.dataset.zone || "UTC";
    const zone = zoneOf(mode, job);
    const absolute = inZone(date, zone);
    if ("clock" in time.dataset) {
      const text = inZone(date, mode === "utc" ? "UTC" : mine).match(/\d\d:\d\d/)?.[0];
      if (text && time.textContent !== text) time.textContent = text;
      continue;
    }
    const fixed = "fixed" in time.dataset;
    time.title = [absolute, ...new Set([job, "UTC"].filter((z) => z !== zone).map((z) => inZone(date, z)))].join("\n");
    const ago = relative((now - date) / 1000);
    const shown = fixed ? inZone(date, mine).replace(/(:\d\d):\d\d/, "$1")
      : "both" in time.dataset ? `${absolute} · ${ago}` : mode === "relative" ? ago : absolute;
    if (time.textContent !== shown) time.textContent = shown;
  }
  for (const each of $$("[data-since]", within)) {
    each.textContent = span((now - new Date(each.dataset.since)) / 1000);
  }
}
// A line of a log has its time in its id. A zone's offset changes at a quarter of an hour, if ever.
function showLogTimes() {
  const log = $(".log");
  if (!log) return;
  const job = log.dataset.zone || "UTC";
  const zone = zoneOf(chosen(), job);
  const known = new Map();
  const offset = (ms) => {
    const quarter = Math.floor(ms / 900_000);
    if (!known.has(quarter)) known.set(quarter, offsetOf(quarter * 900_000, zone));
    return known.get(quarter);
  };
  for (const chunk of $$(".chunk", log)) {
    if ((chunk.dataset.zone || "UTC") === zone) continue;
    chunk.dataset.zone = zone;
    for (const { id, firstChild: link } of chunk.children) {
      const ms = Number.parseInt(id.slice(1), 10);
      link.firstChild.data = new Date(ms + offset(ms)).toISOString().slice(11, 23);
    }
  }
  const said = $("[data-log-zone]");
  if (said) said.textContent = zone;
}
const clocks = new Map();
function offsetOf(ms, zone) {
  if (!clocks.has(zone)) {
    const how = { dateStyle: "short", timeStyle: "medium", timeZone: zone };
    try { clocks.set(zone, new Intl.DateTimeFormat("sv-SE", how)); }
    catch { clocks.set(zone, new Intl.DateTimeFormat("sv-SE", { ...how, timeZone: "UTC" })); }
  }
  return new Date(`${clocks.get(zone).format(ms).replace(" ", "T")}Z`) - ms;
}
const zones = $("[data-zones]");
if (zones) {
  zones.value = chosen();
  zones.addEventListener("change", () => {
    storage.setItem(ZONE, zones.value);
    showTimes();
    showLogTimes();
    showTimeFields();
  });
}
// Fields for times have UTC when they come, and the chosen zone here; an address has UTC again.
const isUtc = () => zoneOf(chosen(), "UTC") === "UTC";
// The time that came stays exact until somebody changes the field: the repeated hour of autumn is in it only once.
const timeIn = (field) => new Date(field.dataset.at ?? field.value + (field.dataset.utc ? "Z" : ""));
const toSeconds = (ms) => new Date(ms).toISOString().slice(0, 19);
function showTimeFields() {
  for (const field of $$("input[data-utc]")) {
    const at = timeIn(field);
    field.dataset.utc = isUtc() ? "UTC" : "";
    if (field.value) field.value = toSeconds(at - (isUtc() ? 0 : at.getTimezoneOffset() * 60_000)).replace(/:00$/, "");
  }
  for (const said of $$("[data-zone-of-fields]")) said.textContent = isUtc() ? "UTC" : mine;
}
document.addEventListener("formdata", ({ target, formData }) => {
  for (const field of $$("input[data-utc]", target)) {
    if (field.value) formData.set(field.name, `${toSeconds(timeIn(field))}Z`.replace(/:00Z$/, "Z"));
  }
});
document.addEventListener("input", ({ target }) => { if (target.matches("input[data-utc]")) delete target.dataset.at; });
function nextZone() {
  zones.selectedIndex = (zones.selectedIndex + 1) % zones.length;
  zones.dispatchEvent(new Event("change"));
}
showTimes();
showLogTimes();
showTimeFields();

// ---- Refreshing: every 2 s while something moves, otherwise every 15 s, never while hidden ---------
let refreshed = Date.now();
const freshness = $(".freshness");
const ticked = () => $$("[name=target]:checked").length;
const refresh = () => {
  refreshed = Date.now();
  if (!window.htmx || ticked()) return; // ticked lines stay where they are
  for (const each of $$("#live[hx-get], [data-refreshes]")) htmx.trigger(each, "refresh");
  for (const each of failed.keys()) if (each.hasAttribute("hx-post")) htmx.trigger(each, "input"); // what was typed is checked late
};
const every = () => 1000 * Number($("#live [data-every]")?.dataset.every ?? 15);
setInterval(() => {
  if (document.hidden) return;
  showTimes();
  if (Date.now() - refreshed >= every()) refresh();
}, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
document.addEventListener("htmx:after:swap", () => { showTimes(); showLogTimes(); showNext(); if (row >= 0) reselect(); });
// What is there stays if there is no answer, or an error: that is said, by each element that asks, until it gets one.
const failed = new Map();
function note(element, why) {
  if (why) failed.set(element, why);
  else failed.delete(element);
  const [[asks, said] = []] = [...failed].filter(([each]) => each.isConnected);
  const text = said ? `${asks.hasAttribute("hx-post") ? "Not checked" : "Not refreshed"}: ${said}. ` : "";
  if (freshness.textContent.startsWith(text) && text) return;
  freshness.textContent = text;
  if (said === ENDED) freshness.append(make("a", { href: "/sign-in?return_to=/signed-in", target: "_blank", textContent: "Sign in" }));
}
const ENDED = "your session has ended";
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const { status, headers } = ctx.response;
  note(ctx.sourceElement, status < 400 ? "" : status === 401 ? ENDED : `the console answered ${status}`);
  // Somebody has signed in again, in another tab: the forms of this page are theirs.
  const token = headers.get("Form-Token");
  const old = $$("[name=csrf]").filter((each) => token && each.value !== token);
  for (const each of old) each.value = token;
  if (old.length) refresh();
});
document.addEventListener("htmx:error", ({ detail: { ctx } }) => { if (ctx) note(ctx.sourceElement, "the console does not answer"); });

// ---- The next scheduled times, which come apart from the timeline, in its lanes ---------------------
function showNext() {
  for (const each of $$(".timeline .ghost")) each.remove();
  const begin = new Date($(".timeline")?.dataset.begin);
  for (const each of $$("[data-next]")) {
    const lane = $(`[data-lane="${CSS.escape(each.dataset.next)}"] svg`);
    if (!lane) continue;
    const x = Math.round((new Date($("time", each).dateTime) - begin) / 60000);
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ class: "ghost", x, y: 4, width: 4, height: 8 })) mark.setAttribute(name, value);
    lane.append(mark);
  }
}

// ---- Copying -----------------------------------------------------------------------------------------
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy || location.href);
  const before = button.textContent;
  button.textContent = "copied";
  setTimeout(() => { button.textContent = before; }, 1200);
});

// ---- Ticking lines of a list -----------------------------------------------------------------------------
document.addEventListener("change", (event) => {
  if (!event.target.matches("[name=target], [data-tick-all]")) return;
  const ticks = $$("[name=target]"), all = $("[data-tick-all]");
  if (event.target === all) for (const each of ticks) each.checked = all.checked;
  all.checked = ticks.length === ticked();
  all.indeterminate = Boolean(ticked()) && !all.checked;
  $("[data-ticked]").textContent = ticked() ? `${ticked()} ticked` : "All on this page";
  freshness.textContent = ticked() ? "Not refreshed while lines are ticked." : "";
});

// ---- Filters apply as they are chosen ------------------------------------------------------------------
for (const form of $$("form.filters")) {
  form.addEventListener("change", (event) => { if (event.target.matches("select")) form.requestSubmit(); });
  form.addEventListener("submit", () => {
    for (const field of $$("input, select", form)) if (!field.value) field.disabled = true;
  });
}

// ---- Keys ------------------------------------------------------------------------------------------------
const KEYS = [
  ["⌘K, Ctrl+K", "Go to a page or a job"], ["/", "Search"], ["j", "Next line"], ["k", "Line before"],
  ["o, Enter", "Open the line"], ["e", "Edit the job"], ["r", "Look again now"],
  ["t", "Show times in the next zone, or how long ago"], ["?", "These keys"],
];
let row = -1;
const rows = () => $$("[data-row], .chunk li").filter((each) => each.checkVisibility());
function select(index, focus = false) {
  const all = rows();
  row = Math.min(Math.max(index, -1), all.length - 1);
  all.forEach((each, i) => each.classList.toggle("selected", i === row));
  if (row >= 0 && focus) { $("a", all[row])?.focus(); all[row].scrollIntoView({ block: "nearest" }); }
}
function reselect() {
  const kept = rows().indexOf($(".selected"));
  select(kept < 0 ? row : kept);
}
const typing = (event) => event.composedPath()[0].closest("input, textarea, select, [contenteditable]");
const actions = {
  "/": () => $("[data-search]")?.focus(),
  j: () => select(row + 1, true),
  k: () => select(row < 0 ? rows().length - 1 : Math.max(0, row - 1), true),
  o: () => $("a", rows()[row] ?? document.createElement("i"))?.click(),
  e: () => $("[data-edit]")?.click(),
  r: refresh,
  t: nextZone,
  "?": () => help(),
};
document.addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return palette();
  }
  if (event.metaKey || event.ctrlKey || event.altKey || typing(event) || $("dialog[open]")) return;
  const act = actions[event.key];
  if (act) { event.preventDefault(); act(); }
});

function help() {
  const list = make("dl", { className: "keys" });
  for (const [key, what] of KEYS) list.append(make("dt", {}, make("kbd", { textContent: key })), make("dd", { textContent: what }));
  const dialog = $("#keys");
  dialog.replaceChildren(make("h2", { textContent: "Keys" }), list);
  dialog.showModal();
}

// ---- The palette: pages, and jobs by the beginning of their name -------------------------------------------
const PAGES = [...$$(".top nav a").map((each) => [each.textContent, each.href]), ["Dead-letter messages", "/dead-letters"], ["Bulk actions", "/bulk-actions"]];
function palette() {
  const dialog = $("#palette");
  if (dialog.open) return dialog.close();
  const field = make("input", { type: "search", placeholder: "A job, a run or a page", autocomplete: "off", spellcheck: false });
  field.setAttribute("aria-label", field.placeholder);
  const list = make("ul");
  let asked = 0;
  const show = async () => {
    const text = field.value.trim();
    const pages = PAGES.filter(([name]) => name.toLowerCase().startsWith(text.toLowerCase()));
    const turn = ++asked;
    const found = text ? await fetch(`/palette?q=${encodeURIComponent(text)}`).then((r) => (r.ok ? r.json() : [])).catch(() => []) : [];
    if (turn !== asked) return;
    const links = [...pages, ...found.map((each) => [each.name, each.href])];
    list.replaceChildren(...links.map(([name, href]) => make("li", {}, make("a", { href, textContent: name }))));
  };
  field.addEventListener("input", show);
  dialog.onkeydown = (event) => {
    const links = $$("a", list);
    const at = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      (links[at + (event.key === "ArrowDown" ? 1 : -1)] ?? field).focus();
    } else if (event.key === "Enter" && at < 0) show().then(() => $("a", list)?.click());
  };
  dialog.replaceChildren(field, list);
  dialog.showModal();
  field.focus();
  show();
}
for (const button of $$("[data-palette]")) button.addEventListener("click", palette);
for (const dialog of $$("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}

// ---- The log: the lines that have a text; the browser's own search finds them all ---------------------------
const grep = $("[data-grep]");
if (grep) {
  const filter = () => {
    const text = grep.value.toLowerCase();
    for (const line of $$(".chunk li")) line.classList.toggle("without", text !== "" && !line.textContent.toLowerCase().includes(text));
  };
  grep.addEventListener("input", filter);
  document.addEventListener("htmx:after:swap", () => { if (grep.value) filter(); });
}
const log = $(".log");
const tools = $(".log-tools");
if (log) {
  // What is chosen is in the address, too, so that a link shows the same.
  const address = (changes) => {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) value ? query.set(name, value) : query.delete(name);
    return `${location.pathname}?${query}${location.hash}`;
  };
  tools.addEventListener("change", () => history.replaceState(null, "", address({
    level: $("[name=level]:checked")?.id.replace(/^level-(all)?/, ""),
    wrap: $("#wrap").checked ? "" : "0",
    platform: $("#platform")?.checked ? "1" : "",
  })));
  // A line's link is one to its page; here it is on the page already.
  log.addEventListener("click", (event) => {
    const { hash } = event.target.closest(".chunk a") ?? {};
    if (!hash || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    location.hash = hash;
    history.replaceState(null, "", address({ line: hash.slice(1), cursor: "" }));
  });
  const line = location.hash.slice(1);
  if (line.startsWith("L") && !document.getElementById(line) && !location.search.includes("line=")) location.replace(address({ line, cursor: "" }));
  // A page of earlier lines may reach into those that are there.
  document.addEventListener("htmx:after:swap", () => {
    const seen = new Set();
    for (const line of $$(".chunk li").reverse()) seen.has(line.id) ? line.remove() : seen.add(line.id);
  });
}
if (log && !location.hash && !/[?&](cursor|line)=/.test(location.search)) scrollTo(0, document.body.scrollHeight);
