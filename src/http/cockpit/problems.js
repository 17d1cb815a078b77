/**
 * What is wrong with a run, worst first: the reader sees it before all figures.
 *
 * @module
 */
import { count, duration, h, pill } from "./dom.js";
import { HIGH } from "./flow.js";

/** Finds the problems of an overview, each with its mood, a sentence, and what can be done about it. */
function findProblems({ ts, coordinators, journal, unaccounted, deadLettersWaiting, providers, ledger }) {
  const found = [];
  const add = (mood, name, sentence, action) => found.push({ mood, name, sentence, action });
  if (unaccounted !== 0) add("bad", "Ledger", `${count(unaccounted)} records are unaccounted for`);
  for (const { kind, circuit, probeAt, queue } of coordinators) {
    if (circuit === "open") {
      const next = probeAt === undefined ? "" : `; next probe in ${duration(probeAt - ts)}`;
      add("bad", "Database", `Writes fail: ${kind} records wait${next}`, "probe");
    }
    if (queue.size >= queue.capacity * HIGH) {
      add("warn", "Queue", `The ${kind} queue is almost full: the database is slower than the providers`);
    }
  }
  if (journal?.problem) add("bad", "Journal", journal.problem);
  for (const { name, state, error, lastLoss } of providers) {
    if (state === "failed") add("bad", name, error ?? "Failed");
    if (state === "waiting") add("warn", name, `Connects again soon${lastLoss ? `: ${lastLoss}` : ""}`);
    if (state === "paused") add("warn", name, "Paused: it delivers nothing until it is resumed");
  }
  if (deadLettersWaiting > 0) {
    add("warn", "Dead letters", `${count(deadLettersWaiting)} records could not be stored`, "letters");
  }
  const isQuiet = found.length === 0 && ledger.received === 0 && providers.length > 0;
  if (isQuiet) {
    const names = providers.map(({ name, state }) => `${name} (${state})`).join(", ");
    add("", "Nothing yet", `No record has come since the start. Waiting for ${names}`, "symbols");
  }
  return found.toSorted((one, other) => Number(other.mood === "bad") - Number(one.mood === "bad"));
}

/** Lists the problems. `probe` is called where the reader asks for a write that probes the database. */
export function listProblems(overview, probe) {
  const actions = {
    probe: () => h("button", { type: "button", onclick: probe }, "Probe now"),
    letters: () => h("a", { href: "#letters" }, "See and replay them"),
    symbols: () => h("a", { href: "#symbols" }, "See what is stored"),
  };
  return findProblems(overview).map(({ mood, name, sentence, action }) =>
    h("li", { class: "card" }, pill(name, mood), h("span", {}, sentence), action && actions[action]())
  );
}
