/**
 * The view of the whole run: problems, flow, ledger, providers, and the last quarter of an hour.
 *
 * @module
 */
import { call } from "./api.js";
import { lineChart } from "./charts.js";
import { clusterTable } from "./cluster.js";
import { count, duration, h, patch, pill, table } from "./dom.js";
import { drawFlow } from "./flow.js";
import { listProblems } from "./problems.js";
import { tenantTable } from "./tenants.js";

const PROVIDER_MOODS = {
  live: "good",
  running: "good",
  connecting: "warn",
  waiting: "warn",
  paused: "warn",
  failed: "bad",
};
/** The terms of the ledger, in the order of its equation. */
const TERMS = ["stored", "unchanged", "deduplicated", "deadLettered", "journaled", "inFlight"];
const words = (term) => term.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Makes the view. */
export function createOverview() {
  const problems = h("ul", { class: "problems" });
  const flow = h("section", { "aria-label": "Flow" });
  const ledger = h("section", { class: "card ledger", "aria-label": "Ledger" });
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

  const probe = () => act("/-/circuit/probe", "The next write is the probe");

  /** The ledger as its equation: each term is a figure with its name below. */
  function drawLedger({ ledger, unaccounted, readers }) {
    const term = (sign, name, value) =>
      h("div", {}, h("dt", {}, name), h("dd", { class: "big" }, h("span", { class: "quiet" }, sign), count(value)));
    return [
      h("h2", {}, "Ledger ", unaccounted === 0 ? pill("balances", "good") : pill("does not balance", "bad")),
      h(
        "dl",
        {},
        term("", "received", ledger.received),
        TERMS.map((name, at) => term(at === 0 ? "=" : "+", words(name), ledger[name])),
      ),
      ...(readers > 0
        ? [h("p", {}, `${count(readers)} ${readers === 1 ? "program reads" : "programs read"} the stream`)]
        : []),
    ];
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
      problems,
      flow,
      ledger,
      tenants,
      providers,
      cluster,
      h("div", { class: "figures" }, Object.values(figures)),
      h("p", { class: "buttons" }, reload, drain),
      message,
    ),
    update({ overview, samples }) {
      patch(problems, listProblems(overview, probe));
      patch(flow, [drawFlow(overview)]);
      patch(ledger, drawLedger(overview));
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
        overview.providers.map((each) => providerRow(each, overview.ts)),
        "No provider runs",
      )]);
      patch(tenants, overview.tenants === undefined ? [] : [tenantTable(overview.tenants)]);
      patch(cluster, overview.cluster === undefined ? [] : [clusterTable(overview.cluster, overview.ts)]);
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
