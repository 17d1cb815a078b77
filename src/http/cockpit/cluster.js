/**
 * The instances that share out shards.
 *
 * @module
 */
import { count, duration, h, pill, table } from "./dom.js";

const MOODS = { active: "good", leaving: "warn", lost: "bad" };

/** The table of all instances, with what nobody holds. */
export function clusterTable({ cluster, instance: own, shards, instances, unheld }, ts) {
  const state = unheld.length === 0
    ? pill("all shards are held", "good")
    : pill(`nobody holds ${unheld.length === 1 ? "shard" : "shards"} ${unheld.join(", ")}`, "bad");
  const row = ({ instance, state, shards, silentSeconds, waiting, lastCommitAt, lagMs, host, pid }) => [
    h("strong", { title: `${host}, process ${pid}` }, instance === own ? `${instance} (this one)` : instance),
    pill(state, MOODS[state] ?? ""),
    shards.length === 0 ? "none" : `${shards.length} (no. ${shards.join(", ")})`,
    `${duration(silentSeconds)} ago`,
    count(waiting),
    lastCommitAt === undefined ? "–" : `${duration(ts - lastCommitAt)} ago`,
    lagMs === undefined ? "–" : `${count(lagMs)} ms`,
  ];
  return h(
    "div",
    {},
    table(
      `Cluster ${cluster}, ${shards} ${shards === 1 ? "shard" : "shards"}`,
      ["Instance", "State", "Shards", "Heard of", "Waiting#", "Last commit", "Lag#"],
      instances.map(row),
      "Nobody has been heard of",
    ),
    h("p", {}, state),
  );
}
