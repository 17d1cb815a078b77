/**
 * Leases: the right of one instance to stream the symbols of a shard, which it must renew.
 *
 * An instance sends **heartbeats**: each reports that it lives and which shards it holds, and returns the same about
 * the others. It may stream its shards for {@linkcode LeaseTimes.holdMs} after it **sent** its last successful
 * heartbeat, and then stops by itself, even without knowing why. The lease store gives a shard to no other instance
 * before that time has passed, and ends the leases of an instance that is silent for {@linkcode LeaseTimes.ttlMs}. So
 * no two instances stream a shard at once, as long as their clocks run at the same speed; the time that they show does
 * not matter.
 *
 * @module
 */

/** Times of a lease, in milliseconds. */
export interface LeaseTimes {
  /** Time between two heartbeats. */
  readonly heartbeatMs: number;
  /** How long a holder may stream after sending its last successful heartbeat. */
  readonly holdMs: number;
  /** Silence after which the lease store ends the leases of an instance. */
  readonly ttlMs: number;
}

/** {@linkcode LeaseTimes.holdMs} as a share of {@linkcode LeaseTimes.ttlMs}. */
export const HOLD_SHARE = 0.6;

/** Times that follow from the longest silence of an instance, in seconds. */
export function leaseTimes(seconds: number): LeaseTimes {
  const ttlMs = seconds * 1000;
  return { ttlMs, holdMs: ttlMs * HOLD_SHARE, heartbeatMs: ttlMs / 5 };
}

/** The report of an instance. Times are epoch seconds. */
export interface InstanceReport {
  readonly instance: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  /** Number of shards, which must be the same at all instances. */
  readonly shards: number;
  /** The one shard that the instance asks for; `undefined` if it takes its share. */
  readonly fixed?: number;
  /**
   * How long it may stream after a heartbeat, see {@linkcode LeaseTimes}; others leave its shards alone for that time.
   */
  readonly holdMs: number;
  /** Whether it claims no further shards because it is about to leave. */
  readonly isLeaving: boolean;
  /** Records accepted and not committed, those in the journal included. */
  readonly waiting: number;
  /** When records were last committed; absent before the first. */
  readonly lastCommitAt?: number;
  /** Latency of these from receipt to commit, in milliseconds. */
  readonly lagMs?: number;
}

/** An instance as the others see it. */
export interface Member {
  /** Unique to one start of the instance. */
  readonly id: string;
  readonly report: InstanceReport;
  /** Shards that it holds, in order. */
  readonly held: readonly number[];
  /** Time since its last heartbeat, in milliseconds. */
  readonly silentMs: number;
  /** Whether it has a session. A killed instance has none, and its shards are free soon. */
  readonly isAlive: boolean;
}

/** All instances of a cluster at a moment. */
export interface Membership {
  /** Oldest first. */
  readonly members: readonly Member[];
  /** Unheld shards that cannot be claimed yet: the last holder may not know that it lost them. */
  readonly blocked: ReadonlySet<number>;
}

/** A session with a lease store. Disposing of it releases all shards at once. */
export interface Lease extends AsyncDisposable {
  /**
   * Reports that this instance lives and holds these shards.
   *
   * @returns All instances, this one included.
   * @throws {LeaseLostError} If one of the shards is no longer this instance's.
   * @throws {Error} If no answer comes in time, which ends the session.
   */
  heartbeat(report: InstanceReport, held: readonly number[]): Promise<Membership>;
  /** Claims free shards. Returns the claimed ones: they are held after a successful heartbeat that names them. */
  claim(shards: readonly number[]): Promise<number[]>;
  /** Frees a shard for others, after a heartbeat that no longer names it. */
  release(shard: number): Promise<void>;
  /** Ends the session without a farewell: the store may not notice before the lease ends. */
  cut(): void;
}

/** A store of leases. */
export interface LeaseStore {
  /** Its address, for people. */
  readonly label: string;
  /**
   * Opens a session for an instance, which may have had one before.
   *
   * @throws {ClusterError} If the set-up does not allow it: trying again does not help.
   * @throws {Error} If it cannot be opened now, or the reason of `signal`.
   */
  join(id: string, report: InstanceReport, signal: AbortSignal): Promise<Lease>;
}

/** Another instance has a shard that was held. */
export class LeaseLostError extends Error {
  override name = "LeaseLostError";
}

/** The set-up does not allow a cluster: trying again does not help. */
export class ClusterError extends Error {
  override name = "ClusterError";
}
