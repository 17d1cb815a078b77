/**
 * Metrics of streams that are shared with other workers.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "@platformatic/prom-client";
import { type Listener, on } from "../events.ts";

/** Registers the metrics, and returns the listener that updates them. */
export function registerStreamMetrics(registers: Registry[], kinds: readonly string[]): Listener {
  const lag = new Gauge({
    name: "barline_nats_lag_messages",
    help: "Messages of the stream that no worker has taken yet.",
    labelNames: ["coord_id"],
    registers,
  });
  const unanswered = new Gauge({
    name: "barline_nats_ack_pending",
    help: "Messages that workers have taken, all of them together, and that are not stored yet.",
    labelNames: ["coord_id"],
    registers,
  });
  const redelivered = new Counter({
    name: "barline_nats_redelivered_total",
    help: "Messages that came to this worker after they had come to some worker before.",
    labelNames: ["coord_id"],
    registers,
  });
  for (const coord_id of kinds) {
    lag.set({ coord_id }, 0);
    unanswered.set({ coord_id }, 0);
    redelivered.inc({ coord_id }, 0);
  }
  const replaced = new Counter({
    name: "barline_receive_times_replaced_total",
    help: "Records that came with an invalid receive time, or one ahead of the clock, and got another.",
    labelNames: ["coord_id"],
    registers,
  });
  for (const coord_id of kinds) replaced.inc({ coord_id }, 0);
  return on({
    "receive-times-replaced": ({ kind, count }) => replaced.inc({ coord_id: kind }, count),
    "redelivered": ({ kind }) => redelivered.inc({ coord_id: kind }),
    "stream-lag"({ kind, ...messages }) {
      lag.set({ coord_id: kind }, messages.waiting);
      unanswered.set({ coord_id: kind }, messages.unanswered);
    },
  });
}
