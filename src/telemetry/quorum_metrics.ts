/**
 * Metrics of the comparison of two providers.
 *
 * @module
 */
import { Counter, type Registry } from "@platformatic/prom-client";
import { type Listener, on } from "../events.ts";
import { QUORUM_FIELDS } from "../pipeline/quorum.ts";

/** Registers the metrics, and returns the listener that updates them. */
export function registerQuorumMetrics(registers: Registry[]): Listener {
  const compared = new Counter({
    name: "barline_quorum_compared_total",
    help: "Comparisons of a bar of one provider with that of another.",
    registers,
  });
  const mismatches = new Counter({
    name: "barline_quorum_mismatches_total",
    help: "Comparisons that found a field to differ beyond its tolerance, by field.",
    labelNames: ["field"],
    registers,
  });
  for (const field of QUORUM_FIELDS) mismatches.inc({ field }, 0);
  return on({
    "quorum"(event) {
      compared.inc(event.compared);
      for (const [field, count] of Object.entries(event.mismatches)) mismatches.inc({ field }, count);
    },
  });
}
