/**
 * The flow of records as a picture: providers, queues, the database, and what stands beside the way.
 *
 * @module
 */
import { bytes, count, duration, h, pill } from "./dom.js";

const CIRCUIT_MOODS = { closed: "good", open: "bad", "half-open": "warn" };
const CIRCUIT_WORDS = {
  closed: "Writes go through",
  open: "The database is away",
  "half-open": "Probing the database",
};
/** Shares of a queue's capacity from which on it is filling, and above its high watermark. */
const FILLING = 0.5;
export const HIGH = 0.8;

const capital = (word) => word[0].toUpperCase() + word.slice(1);
const block = (title, ...children) => h("section", {}, h("h2", {}, title), children);
const big = (value, unit) => h("p", { class: "big" }, value, " ", h("small", {}, unit));
const node = (...children) => h("li", { class: "card" }, children);
const arrow = (rate, words) => h("li", { class: "arrow" }, h("span", {}, `${count(rate)}/s`), h("small", {}, words));

/** Draws the flow of an overview. */
export function drawFlow({ rate, latencyMs, coordinators, journal, deadLettersWaiting, providers }) {
  return h(
    "ul",
    { class: "flow" },
    node(providersBlock(providers)),
    arrow(rate.received, "received"),
    node(coordinators.map(queueBlock)),
    arrow(rate.committed, "committed"),
    node(coordinators.map(circuitBlock)),
    node(block("Receipt to commit", big(count(latencyMs.p50), "ms p50"), h("p", {}, `p99 ${count(latencyMs.p99)} ms`))),
    node(journalBlock(journal)),
    node(lettersBlock(deadLettersWaiting)),
  );
}

function providersBlock(providers) {
  const up = providers.filter(({ state }) => state === "live" || state === "running");
  const others = Object.entries(Object.groupBy(providers.filter((each) => !up.includes(each)), ({ state }) => state));
  return block(
    "Providers",
    big(count(up.length), `of ${count(providers.length)} running`),
    h(
      "p",
      {},
      others.length === 0 ? "All deliver" : others.map(([state, those]) => `${those.length} ${state}`).join(", "),
    ),
  );
}

function queueBlock({ kind, queue: { size, capacity }, workersAlive, workers }) {
  const share = size / capacity;
  const mood = share >= HIGH ? "bad" : share >= FILLING ? "warn" : "good";
  return block(
    `${capital(kind)} queue`,
    big(count(size), `of ${count(capacity)}`),
    h("meter", {
      min: 0,
      max: capacity,
      low: capacity * FILLING,
      high: capacity * HIGH,
      optimum: 0,
      value: size,
      "aria-label": `Records in the ${kind} queue`,
    }),
    h(
      "p",
      {},
      pill(share >= HIGH ? "above its high watermark" : share >= FILLING ? "filling" : "room", mood),
      ` ${workersAlive} of ${workers} lanes`,
    ),
  );
}

function circuitBlock({ kind, circuit }) {
  return block(
    `${capital(kind)} circuit`,
    h("p", { class: "big" }, pill(circuit, CIRCUIT_MOODS[circuit])),
    h("p", {}, CIRCUIT_WORDS[circuit]),
  );
}

function journalBlock(journal) {
  if (journal === undefined || journal.mode === "off") {
    return block("Journal", h("p", { class: "big quiet" }, "off"), h("p", {}, "Records wait in memory alone"));
  }
  const { frames, mode, bytes: size, oldestAgeSeconds } = journal;
  return block(
    "Journal",
    big(count(frames), "frames on disk"),
    h("p", {}, `${mode}, ${bytes(size)}`, frames > 0 && `, oldest ${duration(oldestAgeSeconds)}`),
  );
}

function lettersBlock(waiting) {
  return block(
    "Dead letters",
    big(count(waiting), "waiting"),
    h("p", {}, waiting === 0 ? "No record was refused" : h("a", { href: "#letters" }, "See and replay them")),
  );
}
