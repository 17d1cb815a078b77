/**
 * A cluster as people see it.
 *
 * @module
 */
import type { Census } from "./lease.ts";

/** What an instance is doing: streaming, ready to take over, about to go, or gone without a word. */
export type InstanceState = "active" | "standby" | "leaving" | "lost";

/** An instance at a glance. Times are epoch seconds. */
export interface InstanceOverview {
  readonly instance: string;
  readonly state: InstanceState;
  /** Those that it holds, in order. */
  readonly shards: readonly number[];
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  /** Time since it was last heard of, in seconds. */
  readonly silentSeconds: number;
  /** Records accepted and not committed. */
  readonly waiting: number;
  readonly lastCommitAt?: number;
  /** Receipt to commit of its last records, in milliseconds. */
  readonly lagMs?: number;
}

/** A cluster at a glance. */
export interface ClusterOverview {
  readonly cluster: string;
  /** Number of shards; 0 where there is no instance to tell. */
  readonly shards: number;
  readonly instances: readonly InstanceOverview[];
  /** Shards that nobody holds. */
  readonly unheld: readonly number[];
}

/** Makes the overview. */
export function describeCensus(cluster: string, { members }: Census): ClusterOverview {
  const alive = members.filter(({ isAlive }) => isAlive);
  const shards = Math.max(0, ...alive.map(({ report }) => report.shards));
  const held = new Set(alive.flatMap((member) => member.held));
  return {
    cluster,
    shards,
    instances: members.map(({ report, held, silentMs, isAlive }) => ({
      instance: report.instance,
      state: !isAlive ? "lost" : report.isLeaving ? "leaving" : held.length > 0 ? "active" : "standby",
      shards: held,
      host: report.host,
      pid: report.pid,
      version: report.version,
      startedAt: report.startedAt,
      silentSeconds: Math.round(silentMs) / 1000,
      waiting: report.waiting,
      lastCommitAt: report.lastCommitAt,
      lagMs: report.lagMs,
    })),
    unheld: Array.from({ length: shards }, (_, shard) => shard).filter((shard) => !held.has(shard)),
  };
}
