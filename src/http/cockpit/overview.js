/**
 * The view of the whole run: flow, queue, circuit, ledger, providers, and the last quarter of an hour.
 *
 * @module
 */
import { call } from "./api.js";
import { lineChart } from "./charts.js";
import { clusterTable } from "./cluster.js";
import { tenantTable } from "./tenants.js";
import { bytes, count, duration, h, patch, pill, table } from "./dom.js";

const CIRCUIT_MOODS = { closed: "good", open: "bad", "half-open": "warn" };
const PROVIDER_MOODS = {
  live: "good",
  running: "good",
  connecting: "warn",
  waiting: "warn",
  paused: "warn",
  failed: "bad",
};
/** What the ledger is made of, in the order in which it is told. */
const TERMS = ["stored", "unchanged", "deduplicated", "deadLettered", "journaled", "inFlight"];
const words = (term) => term.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Makes the view. */
export function createOverview() {
  const cards = h("div", { class: "cards" });
  const providers = h("section", {});
  const cluster = h("section", {});
  const tenants = h("section", {});
  const message = h("p", { class: "message", role: "status" });
  const chart = (title) =>
    h("figure", {}, h("figcaption", {}, title), h("div", { class: "chart quiet" }, "A point comes every 5 s"));
  const figures = {
    rate: chart("Records/s: received, committed (line)"),
    latency: chart("Receipt to commit, ms: p99, p50 (line)"),
    queue: chart("Records waiting in the queues"),
  };
  const charts = {};

  /** Asks the server to do something, and says what came of it. */
  async function act(path, done, body = {}) {
    try {
      await call(path, body);
      message.textContent = done;
    } catch (error) {
      message.textContent = error.message;
    }
  }

  const card = (title, ...children) => h("section", { class: "card" }, h("h2", {}, title), children);
  const capital = (word) => word[0].toUpperCase() + word.slice(1);
  const big = (value, unit) => h("p", { class: "big" }, value, " ", h("small", {}, unit));

  function coordinatorCards({ kind, queue, workersAlive, workers, circuit, probeAt }, ts) {
    const part = queue.size / queue.capacity;
    const mood = part >= 0.8 ? "bad" : part >= 0.5 ? "warn" : "good";
    return [
      card(
        `${capital(kind)} queue`,
        big(count(queue.size), `of ${count(queue.capacity)}`),
        h("meter", {
          min: 0,
          max: queue.capacity,
          low: queue.capacity / 2,
          high: queue.capacity * 0.8,
          optimum: 0,
          value: queue.size,
        }),
        h(
          "p",
          {},
          pill(part >= 0.8 ? "above its high watermark" : part >= 0.5 ? "filling" : "room", mood),
          ` ${workersAlive} of ${workers} workers`,
        ),
      ),
      card(
        `${capital(kind)} circuit`,
        h("p", { class: "big" }, pill(circuit, CIRCUIT_MOODS[circuit])),
        h(
          "p",
          {},
          circuit === "open"
            ? `The database is away. Next probe in ${duration(probeAt - ts)}`
            : circuit === "half-open"
            ? "Probing the database"
            : "Writes go through",
        ),
        circuit === "open" && h("button", {
          type: "button",
          onclick: () => act("/-/circuit/probe", "The next write is the probe"),
        }, "Probe now"),
      ),
    ];
  }

  function journalCard(journal) {
    if (journal === undefined || journal.mode === "off") return null;
    return card(
      "Journal",
      big(count(journal.frames), "frames on disk"),
      h(
        "p",
        {},
        `${journal.mode}, ${bytes(journal.bytes)}`,
        journal.frames > 0 && `, oldest ${duration(journal.oldestAgeSeconds)}`,
      ),
      journal.problem && h("p", {}, pill(journal.problem, "bad")),
    );
  }

  function ledgerCard({ ledger, unaccounted }) {
    return card(
      "Ledger",
      h(
        "dl",
        {},
        h("dt", {}, "received"),
        h("dd", {}, count(ledger.received)),
        TERMS.map((term) => [h("dt", {}, words(term)), h("dd", {}, count(ledger[term]))]),
      ),
      h("p", {}, unaccounted === 0 ? pill("balances", "good") : pill(`${count(unaccounted)} unaccounted for`, "bad")),
    );
  }

  function providerRow(provider, ts) {
    const { name, state, error, received, lastReceivedAt, reconnects, lastLoss, gaps, repaired, doubtMinutes } =
      provider;
    const isPaused = state === "paused";
    return [
      h("strong", {}, name),
      h("span", { title: error }, pill(state, PROVIDER_MOODS[state] ?? "")),
      lastReceivedAt === undefined ? "–" : `${duration(ts - lastReceivedAt)} ago`,
      count(received),
      h("span", { title: lastLoss && `last: ${lastLoss}` }, count(reconnects)),
      gaps === undefined
        ? count(repaired)
        : `${count(gaps.found)} / ${count(gaps.repaired)} / ${count(gaps.unrepairable)}`,
      doubtMinutes === undefined ? "–" : count(doubtMinutes),
      state !== "failed" && state !== "ended" && h("button", {
        type: "button",
        "aria-label": `${isPaused ? "Resume" : "Pause"} ${name}`,
        onclick: () =>
          act(`/-/providers/${isPaused ? "resume" : "pause"}`, `${name} is ${isPaused ? "on again" : "paused"}`, {
            provider: name,
          }),
      }, isPaused ? "Resume" : "Pause"),
    ];
  }

  const reload = h("button", {
    type: "button",
    onclick: () => act("/-/reload", "Read the configuration again"),
  }, "Reload configuration");
  const drain = h("button", {
    type: "button",
    onclick: () =>
      confirm("Stop this run? What is accepted is still written") &&
      act("/-/drain", "Stopping: what was accepted is being written"),
  }, "Drain and stop");

  /** Draws one or two lines, in a chart that is made for the first of them. */
  function draw(name, points, others) {
    const place = figures[name].lastChild;
    if (charts[name] === undefined) {
      place.replaceChildren();
      charts[name] = lineChart(place, { second: others && "good" });
    }
    charts[name].update(points, others);
  }

  return {
    element: h(
      "div",
      {},
      cards,
      tenants,
      providers,
      cluster,
      h("div", { class: "figures" }, Object.values(figures)),
      h("p", { class: "buttons" }, reload, drain),
      message,
    ),
    update({ overview, samples }) {
      const { ts, rate, latencyMs, coordinators, journal, deadLettersWaiting } = overview;
      patch(
        cards,
        [
          card(
            "Flow",
            big(count(rate.received), "records/s"),
            h("p", {}, `committed ${count(rate.committed)}/s`),
            h("p", {}, `receipt to commit p50 ${count(latencyMs.p50)} ms, p99 ${count(latencyMs.p99)} ms`),
          ),
          ...coordinators.flatMap((each) => coordinatorCards(each, ts)),
          ledgerCard(overview),
          journalCard(journal),
          card(
            "Dead letters",
            big(count(deadLettersWaiting), "waiting"),
            h("p", {}, h("a", { href: "#letters" }, "See and replay them")),
          ),
        ].filter(Boolean),
      );
      patch(providers, [table(
        "Providers",
        [
          "Provider",
          "State",
          "Last record",
          "Records#",
          "Reconnects#",
          "Gap minutes found / repaired / lost#",
          "In doubt#",
          "",
        ],
        overview.providers.map((each) => providerRow(each, ts)),
        "There are none",
      )]);
      patch(tenants, overview.tenants === undefined ? [] : [tenantTable(overview.tenants)]);
      patch(cluster, overview.cluster === undefined ? [] : [clusterTable(overview.cluster, ts)]);
      if (samples.length === 0) return;
      const line = (key) => samples.map((sample) => ({ time: Math.round(sample.ts), value: sample[key] }));
      draw("rate", line("received"), line("committed"));
      draw("latency", line("p99"), line("p50"));
      draw("queue", line("queued"));
    },
    close() {
      for (const chart of Object.values(charts)) chart.close();
    },
  };
}
