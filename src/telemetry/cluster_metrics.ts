/**
 * Metrics of instances that share out shards.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "@platformatic/prom-client";
import { type Listener, on, type ShardChange } from "../events.ts";

const CHANGES: readonly ShardChange[] = ["taken", "given", "lost"];

/** Registers the metrics of an instance that knows of so many shards, none where it is alone; returns their listener. */
export function registerClusterMetrics(registers: Registry[], shards: number): Listener {
  const count = new Gauge({ name: "barline_shards", help: "Shards that the symbols are spread over.", registers });
  const heldCount = new Gauge({ name: "barline_shards_held", help: "Shards that this instance holds.", registers });
  const held = new Gauge({
    name: "barline_shard_held",
    help: "1 for the shards that this instance holds.",
    labelNames: ["shard"],
    registers,
  });
  const changes = new Counter({
    name: "barline_shard_changes_total",
    help: "Shards that came or went: taken, given to others, or lost as the lease could not be renewed.",
    labelNames: ["change"],
    registers,
  });
  const unheld = new Gauge({
    name: "barline_shards_unheld",
    help: "Shards without a holder, as this instance last heard.",
    registers,
  });
  const instances = new Gauge({
    name: "barline_cluster_instances",
    help: "Instances that share the shards, as this one last heard.",
    registers,
  });
  const problem = new Gauge({
    name: "barline_lease_problem",
    help: "1 while leases can be neither had nor renewed.",
    registers,
  });
  count.set(shards);
  for (let shard = 0; shard < shards; shard++) held.set({ shard: String(shard) }, 0);
  for (const change of CHANGES) changes.inc({ change }, 0);
  return on({
    "shards"(event) {
      changes.inc({ change: event.change }, event.shards.length);
      heldCount.set(event.held.length);
      for (let shard = 0; shard < shards; shard++) {
        held.set({ shard: String(shard) }, event.held.includes(shard) ? 1 : 0);
      }
    },
    "cluster"(event) {
      instances.set(event.instances);
      unheld.set(event.unheld);
    },
    "cluster-problem": ({ reason }) => problem.set(reason === undefined ? 0 : 1),
  });
}
