/**
 * Describes a cluster at a glance, for people.
 *
 * @module
 */
import type { Membership } from "./lease.ts";

/** An instance streams, stands by, is about to leave, or was lost: it ended without leaving. */
export type InstanceState = "active" | "standby" | "leaving" | "lost";

/** An instance at a glance. Times are epoch seconds. */
export interface InstanceOverview {
  readonly instance: string;
  readonly state: InstanceState;
  /** Shards that it holds, in order. */
  readonly shards: readonly number[];
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  /** Time since its last heartbeat, in seconds. */
  readonly silentSeconds: number;
  /** Records accepted and not committed. */
  readonly waiting: number;
  readonly lastCommitAt?: number;
  /** Time of its last records from receipt to commit, in milliseconds. */
  readonly lagMs?: number;
}

/** A cluster at a glance. */
export interface ClusterOverview {
  readonly cluster: string;
  /** Number of shards; 0 without a living instance. */
  readonly shards: number;
  readonly instances: readonly InstanceOverview[];
  /** Shards without a holder. */
  readonly unheld: readonly number[];
}

/** Creates the overview. */
export function describeCluster(cluster: string, { members }: Membership): ClusterOverview {
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
