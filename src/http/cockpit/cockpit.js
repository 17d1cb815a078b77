/**
 * The cockpit: one page, three views, fed by one stream of events.
 *
 * @module
 */
import { follow, token } from "./api.js";
import { duration, h, pill } from "./dom.js";
import { createLetters } from "./letters.js";
import { createOverview } from "./overview.js";
import { createServing } from "./serving.js";
import { createSymbols } from "./symbols.js";
import { showTenant } from "./tenants.js";

/** What is older than that is no longer what is, in milliseconds. */
const STALE_MS = 5000;

/** The overview of a run, or of a store that is only read. */
const createHome = () => latest.overview?.serving ? createServing() : createOverview();
const views = { overview: createHome, symbols: createSymbols, letters: createLetters };
const main = document.getElementById("view");
const banner = document.getElementById("stale");

/** What came last, for a view that is opened between two events. */
const latest = { overview: undefined, samples: [] };
let view;
let heardAt = performance.now();
let loss = "";

/** Opens the view that the address names: `#symbols`, `#symbols/kraken/BTC%2FUSD/1m`. */
function open() {
  const [name, ...rest] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const make = Object.hasOwn(views, name) ? views[name] : views.overview;
  view?.close?.();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#${name || "overview"}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view = make(rest);
  main.replaceChildren(view.element);
  if (latest.overview !== undefined) view.update?.(latest);
}

function showState({ state, stopping, serving }) {
  const element = document.getElementById("state");
  const words = stopping ? "stopping" : serving && state === "healthy" ? "serving" : state;
  const mood = stopping ? "warn" : { healthy: "good", degraded: "warn", unhealthy: "bad" }[state];
  element.replaceWith(Object.assign(pill(words, mood), { id: "state", role: "status" }));
}

/** Says when the page shows the past. Looked at by a clock, as nothing tells of what does not come. */
function watch() {
  const age = performance.now() - heardAt;
  const isStale = age > STALE_MS;
  document.body.classList.toggle("stale", isStale);
  banner.hidden = !isStale;
  if (isStale) {
    const words = `Nothing came for ${duration(age / 1000)}${loss === "" ? "" : ` (${loss})`}: what you see is old. ` +
      "Connecting again by itself";
    if (banner.textContent !== words) banner.textContent = words;
  }
}

document.getElementById("access").addEventListener("click", () => {
  const field = h("input", { type: "password", name: "token", autocomplete: "off", value: token.get(), id: "token" });
  const dialog = h(
    "dialog",
    { "aria-labelledby": "token-label" },
    h(
      "form",
      { method: "dialog" },
      h(
        "label",
        { for: "token", id: "token-label" },
        "Token for what changes something (BARLINE_HTTP_TOKEN), or of a tenant",
      ),
      field,
      h(
        "div",
        { class: "buttons" },
        h("button", { value: "cancel" }, "Cancel"),
        h("button", { value: "ok" }, "Use it"),
      ),
    ),
  );
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "ok") token.set(field.value.trim());
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
});

addEventListener("hashchange", () => {
  open();
  main.focus();
});
setInterval(watch, 1000);
open();
follow((name, data) => {
  heardAt = performance.now();
  loss = "";
  if (name === "samples") latest.samples = data;
  else {
    const isOther = latest.overview?.serving !== data.serving;
    latest.overview = data;
    if (isOther) open();
    showState(data);
    showTenant(data);
    document.getElementById("about").textContent = `Barline ${data.version}, running for ${
      duration(data.ts - data.startedAt)
    }`;
  }
  watch();
  if (latest.overview !== undefined) view.update?.(latest);
}, (why) => loss = why);
