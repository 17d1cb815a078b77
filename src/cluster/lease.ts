/**
 * What a lease is: the right of one instance to stream the symbols of a shard, which it must renew.
 *
 * An instance **beats**: it says that it lives and what it holds, and hears the same of the others. What it holds is its
 * own for {@linkcode LeaseTimes.holdMs} after the last beat that went through **was sent**, and no longer: then it stops
 * by itself, whether or not it knows why. Whoever keeps the leases gives a shard to nobody else before that time is over,
 * and ends the hold of an instance that is not heard of for {@linkcode LeaseTimes.ttlMs}. So two never stream a shard at
 * once, as far as their clocks run at the same speed; when they were set does not matter.
 *
 * @module
 */

/** How long things take, in milliseconds. */
export interface LeaseTimes {
  /** Between two beats. */
  readonly beatMs: number;
  /** How long a holder may stream after the last beat that went through was sent. */
  readonly holdMs: number;
  /** When whoever keeps the leases ends the hold of an instance that is silent. */
  readonly ttlMs: number;
}

/** {@linkcode LeaseTimes.holdMs} as a part of {@linkcode LeaseTimes.ttlMs}. */
export const HOLD_SHARE = 0.6;

/** The times that follow from the longest silence of an instance, in seconds. */
export function leaseTimes(seconds: number): LeaseTimes {
  const ttlMs = seconds * 1000;
  return { ttlMs, holdMs: ttlMs * HOLD_SHARE, beatMs: ttlMs / 5 };
}

/** What an instance tells the others of itself. Times are epoch seconds. */
export interface InstanceReport {
  readonly instance: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  /** Number of shards that it knows of: the same for all. */
  readonly shards: number;
  /** The one shard that it wants; `undefined` of one that takes its share. */
  readonly fixed?: number;
  /** How long it may hold on after a beat, see {@linkcode LeaseTimes}: so long others leave its shards alone. */
  readonly holdMs: number;
  /** Whether it is about to go, and takes nothing any more. */
  readonly isLeaving: boolean;
  /** Records that are accepted and not committed, those in the journal included. */
  readonly waiting: number;
  /** When records were last committed; absent before the first. */
  readonly lastCommitAt?: number;
  /** Receipt to commit of these, in milliseconds. */
  readonly lagMs?: number;
}

/** An instance as the others see it. */
export interface Member {
  /** Made anew at each start. */
  readonly id: string;
  readonly report: InstanceReport;
  /** Shards that it holds, in order. */
  readonly held: readonly number[];
  /** Time since its last beat, in milliseconds. */
  readonly silentMs: number;
  /** Whether it still has a session; one that was killed has none, and what it held is free soon. */
  readonly isAlive: boolean;
}

/** A cluster as it is at a moment. */
export interface Census {
  /** All instances, oldest first. */
  readonly members: readonly Member[];
  /** Shards that nobody of them holds, and that cannot be had yet: who held them may not know that he does no more. */
  readonly blocked: ReadonlySet<number>;
}

/** An instance's place among the others. Disposing of it says farewell: what is held is free for others at once. */
export interface Lease extends AsyncDisposable {
  /**
   * Tells the others that this instance lives, and that it holds these shards, and hears of them.
   *
   * @throws {LeaseLostError} If a shard is no longer this instance's.
   * @throws {Error} If there is no answer in time: the session is over then.
   */
  beat(report: InstanceReport, held: readonly number[]): Promise<Census>;
  /** Tries to get shards that are free, and gives those that it got: held once a beat with them has gone through. */
  take(shards: readonly number[]): Promise<number[]>;
  /** Lets others have a shard, once a beat without it has gone through. */
  give(shard: number): Promise<void>;
  /** Ends the session without a word: whoever keeps the leases may not notice before its time is over. */
  cut(): void;
}

/** Where leases are kept. */
export interface LeaseKeeper {
  /** Where that is, for people. */
  readonly label: string;
  /**
   * Opens a session, for an instance that may have had another before; `id` tells it from all others.
   *
   * @throws {ClusterError} If it cannot be here, whenever it is tried.
   * @throws {Error} If it cannot be opened now.
   */
  join(id: string, report: InstanceReport): Promise<Lease>;
}

/** A shard that was held is somebody else's now. */
export class LeaseLostError extends Error {
  override name = "LeaseLostError";
}

/** The set-up does not do for a cluster: waiting does not help. */
export class ClusterError extends Error {
  override name = "ClusterError";
}
