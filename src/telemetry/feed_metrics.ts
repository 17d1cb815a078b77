/**
 * Metrics of live feeds.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "@platformatic/prom-client";
import type { FeedState, Listener } from "../events.ts";

/** Value of the gauge for each state. */
const STATES: Record<FeedState, number> = { waiting: 0, ended: 0, failed: 0, connecting: 1, live: 2 };

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
    help: "Connections that ended and are tried again, by cause.",
    labelNames: ["provider", "cause"],
    registers,
  });
  const repaired = new Counter({
    name: "barline_provider_repaired_total",
    help: "Bars that were fetched from history.",
    labelNames: ["provider"],
    registers,
  });
  return (event) => {
    if (event.type === "feed-state") {
      state.set({ provider: event.provider }, STATES[event.state]);
      repaired.inc({ provider: event.provider }, 0);
    } else if (event.type === "feed-lost") {
      lost.inc({ provider: event.provider, cause: event.reason });
    } else if (event.type === "repaired") {
      repaired.inc({ provider: event.provider }, event.count);
    }
  };
}
