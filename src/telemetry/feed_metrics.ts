/**
 * Metrics of live feeds.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "@platformatic/prom-client";
import { registerDoubtMetrics } from "./doubt_metrics.ts";
import { type FeedState, type GapOutcome, type Listener, on } from "../events.ts";
import type { BarStatus } from "../records/bar.ts";

/** Value of the gauge for each state. */
const STATES: Record<FeedState, number> = { standby: 0, waiting: 0, ended: 0, failed: 0, connecting: 1, live: 2 };

const KINDS: readonly BarStatus[] = ["final", "provisional", "correction"];
const OUTCOMES: readonly GapOutcome[] = ["found", "repaired", "unrepairable"];
const CALLS = ["ok", "throttled", "error"] as const;

/** Registers the metrics, and returns the listener that keeps them. */
export function registerFeedMetrics(registers: Registry[]): Listener {
  const state = new Gauge({
    name: "barline_provider_state",
    help: "0 not connected, 1 connecting, 2 live.",
    labelNames: ["provider"],
    registers,
  });
  const lost = new Counter({
    name: "barline_provider_reconnects_total",
    help:
      "Connections that ended and are tried again, by cause; overflow: dropped on purpose, as the pipeline was too slow.",
    labelNames: ["provider", "cause"],
    registers,
  });
  const unsubscribed = new Gauge({
    name: "barline_provider_unsubscribed_symbols",
    help: "Symbols whose bars do not come: refused, or beyond what the feed allows.",
    labelNames: ["provider"],
    registers,
  });
  const skew = new Gauge({
    name: "barline_provider_clock_skew_seconds",
    help: "The provider's clock less the local one; positive where the local clock is behind.",
    labelNames: ["provider"],
    registers,
  });
  const repaired = new Counter({
    name: "barline_provider_repaired_total",
    help: "Bars that were fetched from history.",
    labelNames: ["provider"],
    registers,
  });
  const bars = new Counter({
    name: "barline_provider_bars_total",
    help: "Bars that a live feed and its history have given: final, provisional or correction.",
    labelNames: ["provider", "kind"],
    registers,
  });
  const lastBar = new Gauge({
    name: "barline_provider_last_bar_timestamp_seconds",
    help: "Start of the newest bar that a live feed has given, in seconds since 1970; 0 before the first.",
    labelNames: ["provider"],
    registers,
  });
  const gaps = new Counter({
    name: "barline_gap_minutes_total",
    help: "Minutes of open markets that a live feed has not delivered: found, repaired from history, or unrepairable.",
    labelNames: ["provider", "outcome"],
    registers,
  });
  const calls = new Counter({
    name: "barline_rest_calls_total",
    help: "Requests for history: ok, throttled or error.",
    labelNames: ["provider", "outcome"],
    registers,
  });
  const doubts = registerDoubtMetrics(registers);
  const newest = new Map<string, number>();
  const missing = new Map<string, Set<string>>();

  /** Series exist from the beginning, so that 0 differs from no data. */
  function begin(provider: string): void {
    repaired.inc({ provider }, 0);
    unsubscribed.set({ provider }, missing.get(provider)?.size ?? 0);
    for (const kind of KINDS) bars.inc({ provider, kind }, 0);
    for (const outcome of OUTCOMES) gaps.inc({ provider, outcome }, 0);
    for (const outcome of CALLS) calls.inc({ provider, outcome }, 0);
    lastBar.set({ provider }, newest.get(provider) ?? 0);
  }

  const listen = on({
    "feed-state"(event) {
      state.set({ provider: event.provider }, STATES[event.state]);
      begin(event.provider);
    },
    "unsubscribed"({ provider, symbols, reason }) {
      let of = missing.get(provider);
      if (of === undefined) missing.set(provider, of = new Set());
      for (const symbol of symbols) reason === undefined ? of.delete(symbol) : of.add(symbol);
      unsubscribed.set({ provider }, of.size);
    },
    "bars"({ provider, counts, newest: newestMs }) {
      for (const kind of KINDS) if (counts[kind] > 0) bars.inc({ provider, kind }, counts[kind]);
      if (newestMs / 1000 <= (newest.get(provider) ?? 0)) return;
      newest.set(provider, newestMs / 1000);
      lastBar.set({ provider }, newestMs / 1000);
    },
    "clock-skew": ({ provider, skewMs }) => skew.set({ provider }, skewMs / 1000),
    "gap": ({ provider, outcome, minutes }) => gaps.inc({ provider, outcome }, minutes),
    "rest-call": ({ provider, outcome }) => calls.inc({ provider, outcome }),
    "feed-lost": ({ provider, reason }) => lost.inc({ provider, cause: reason }),
    "repaired": ({ provider, count }) => repaired.inc({ provider }, count),
  });
  return (event) => {
    doubts(event);
    listen(event);
  };
}
