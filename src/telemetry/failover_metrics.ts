/**
 * Metrics of failover groups.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "@platformatic/prom-client";
import { type FailoverCause, type Listener, on } from "../events.ts";

const CAUSES: readonly FailoverCause[] = ["stall", "unconnected", "fatal", "returned"];

/** Registers the metrics, and returns the listener that keeps them. */
export function registerFailoverMetrics(registers: Registry[]): Listener {
  const active = new Gauge({
    name: "barline_failover_active",
    help: "1 for the provider of the group that delivers.",
    labelNames: ["group", "provider"],
    registers,
  });
  const switches = new Counter({
    name: "barline_failover_switches_total",
    help: "Changes of the provider that delivers, by cause: stall, unconnected, fatal or returned.",
    labelNames: ["group", "cause"],
    registers,
  });
  return on({
    "failover"({ group, provider, previous, cause }) {
      if (previous === undefined) {
        // The group is named after its providers.
        for (const each of group.split(",")) active.set({ group, provider: each }, 0);
        for (const each of CAUSES) switches.inc({ group, cause: each }, 0);
      } else {
        active.set({ group, provider: previous }, 0);
        switches.inc({ group, cause });
      }
      active.set({ group, provider }, 1);
    },
  });
}
