/**
 * An instance of a cluster: it renews its leases, claims and releases shards, and streams exactly the shards that it
 * holds.
 *
 * One loop sends heartbeats, plans and changes leases, one step after the other. A shard passes these steps:
 *
 *     claimed → announced in a heartbeat: held → streamed → releasing: no longer streamed → no longer announced → released
 *
 * `hold.ts` says how long the instance may stream after a heartbeat, and `streaming.ts` says which shards it streams.
 * If the hold ends before another heartbeat succeeds, the streams are cut at once and the shards are lost.
 *
 * @module
 */
import { createCondition } from "../condition.ts";
import type { Listener } from "../events.ts";
import { createHold, now } from "./hold.ts";
import { ClusterError, LeaseLostError } from "./lease.ts";
import type { InstanceReport, Lease, LeaseStore, LeaseTimes, Membership } from "./lease.ts";
import { makePlan } from "./plan.ts";
import { createStreaming } from "./streaming.ts";

/** Options of {@linkcode createCluster}. */
export interface ClusterOptions {
  store: LeaseStore;
  times: LeaseTimes;
  /** The report of this instance for the others. */
  report: () => Omit<InstanceReport, "isLeaving">;
  /** Changes the streamed shards to these; resolves when no other shard is streamed. */
  stream: (shards: ReadonlySet<number>) => Promise<void>;
  /** Ends all streams at once. */
  cut: (reason: Error) => void;
  emit: Listener;
}

/** This instance, and its knowledge of the others. */
export interface Cluster {
  /** Unique to this instance and this start. */
  readonly id: string;
  /**
   * Joins the cluster and starts the loop. After a temporary error, which is reported, it tries again to join.
   *
   * @throws {ClusterError} If the set-up does not allow it to join.
   */
  start(): Promise<void>;
  /** Whether this instance may stream its shards at this moment. */
  isHolding(): boolean;
  /** Streams the held shards again, after a change of providers. */
  refresh(): Promise<void>;
  /** Claims no further shard, and announces that. */
  prepareToLeave(): void;
  /** Releases all shards and ends the session. Nothing may be streamed any more. */
  leave(): Promise<void>;
  /** All instances by the last heartbeat; `undefined` before the first. */
  membership(): Membership | undefined;
}

/**
 * The session with the lease store:
 *
 * - `apart`: no session. The next turn of the loop opens one, and claims the held shards again while the hold is open.
 * - `joined`: heartbeats go through the lease.
 * - `leaving`: no further turn begins; the lease, if there is one, is closed with a farewell.
 */
type Session =
  | { readonly state: "apart"; readonly lease?: undefined }
  | { readonly state: "joined"; readonly lease: Lease }
  | { readonly state: "leaving"; readonly lease?: Lease };

/** The cluster by the last answer to a heartbeat. */
interface Heard {
  /** `undefined` before the first heartbeat. */
  readonly membership?: Membership;
  /** Ids of the instances alive, and the time since which they are the same. */
  readonly ids: string;
  readonly since: number;
  /** Number of shards without a holder. */
  readonly unheld: number;
}

/** Heartbeats for which the instances must be the same before shards are moved between them. */
const SETTLED_AFTER = 3;
/** Share of a heartbeat's interval to wait before a lost session is opened again, while that can save the hold. */
const SOON = 0.1;

/** Creates the instance; it joins with {@linkcode Cluster.start}. */
export function createCluster({ store, times, report, stream, cut, emit }: ClusterOptions): Cluster {
  const id = crypto.randomUUID();
  const leaving = new AbortController();
  let session: Session = { state: "apart" };
  const held = new Set<number>();
  /** The held shard to release once it is no longer streamed. */
  let releasing: number | undefined;
  let heard: Heard = { ids: "", since: 0, unheld: 0 };
  let hasProblem = false;
  let isStaying = true;
  let loop: Promise<void> = Promise.resolve();
  const left = Promise.withResolvers<void>();
  /** Changes when the loop has something to do before its next heartbeat. */
  const condition = createCondition();
  const hold = createHold(times.holdMs, () => drop("no heartbeat went through in time"));
  const streaming = createStreaming({
    stream,
    onFailed: (error) =>
      emit({ type: "cluster-notice", message: `Cannot change the streamed shards: ${(error as Error).message}` }),
    onChanged: condition.notify,
  });

  const fullReport = (): InstanceReport => ({ ...report(), isLeaving: !isStaying });
  const inOrder = (shards: Iterable<number>) => [...shards].sort((a, b) => a - b);

  function tellShards(change: "taken" | "given" | "lost", shards: readonly number[], reason?: string): void {
    emit({ type: "shards", change, shards: inOrder(shards), held: inOrder(held), reason });
  }

  function setProblem(reason: string | undefined): void {
    if (hasProblem !== (reason !== undefined)) emit({ type: "cluster-problem", reason });
    hasProblem = reason !== undefined;
  }

  /** Streams the shards held, except the one being released. */
  function streamHeld(): Promise<void> {
    const shards = new Set(held);
    if (releasing !== undefined) shards.delete(releasing);
    return streaming.set(shards);
  }

  /** Loses all shards, and streams nothing from this moment on. */
  function drop(reason: string): void {
    hold.end();
    // Ignore a heartbeat in flight: it may be the one that lost the hold.
    endSession();
    if (held.size === 0) return;
    const lost = [...held];
    held.clear();
    releasing = undefined;
    cut(new Error(`the hold on the shards is over: ${reason}`));
    tellShards("lost", lost, reason);
    streamHeld();
  }

  function endSession(): void {
    session.lease?.cut();
    session = session.state === "leaving" ? { state: "leaving" } : { state: "apart" };
  }

  /** Throws if a session has ended while its answer was awaited. */
  function checkSession(lease: Lease): void {
    if (session.lease !== lease) throw new Error("the session was over before an answer came");
  }

  async function heartbeat(lease: Lease, claimed: Iterable<number> = held): Promise<void> {
    const sentAt = now();
    const answer = await lease.heartbeat(fullReport(), inOrder(claimed));
    checkSession(lease);
    hold.extend(sentAt);
    const alive = answer.members.filter(({ isAlive }) => isAlive);
    const ids = alive.map((member) => member.id).join();
    const unheld = report().shards - new Set([...alive.flatMap((member) => member.held), ...held]).size;
    const before = heard;
    const since = ids === before.ids ? before.since : performance.now();
    heard = { membership: answer, ids, unheld, since };
    if (ids === before.ids && unheld === before.unheld) return;
    emit({ type: "cluster", instances: alive.length, unheld });
  }

  /** Opens a session, and claims the shards again that the instance still holds. */
  async function join(): Promise<Lease> {
    const lease = await store.join(id, fullReport(), leaving.signal);
    session = { state: session.state === "leaving" ? "leaving" : "joined", lease };
    if (held.size === 0) return lease;
    const claimed = await lease.claim(inOrder(held));
    checkSession(lease);
    // The server may not have noticed the end of the former session.
    if (claimed.length < held.size) throw new Error("shards are still locked by a session that has ended");
    return lease;
  }

  /** One turn of the loop: a heartbeat, and one change of the shards. */
  async function turn(): Promise<void> {
    const lease = session.lease ?? await join();
    await heartbeat(lease);
    setProblem(undefined);
    if (releasing !== undefined) return await release(lease, releasing);
    const { current } = streaming;
    if (current.state === "failed" && performance.now() - current.at > times.ttlMs) streamHeld();
    const isSettled = performance.now() - heard.since >= SETTLED_AFTER * times.heartbeatMs;
    const plan = makePlan({ membership: heard.membership!, id, shards: report().shards, isSettled });
    if (plan.release !== undefined) {
      releasing = plan.release;
      streamHeld();
    }
    if (plan.claim.length > 0) await claim(lease, plan.claim);
  }

  async function claim(lease: Lease, shards: readonly number[]): Promise<void> {
    const claimed = await lease.claim(shards);
    checkSession(lease);
    if (claimed.length === 0) return;
    await heartbeat(lease, [...held, ...claimed]);
    for (const shard of claimed) held.add(shard);
    tellShards("taken", claimed);
    streamHeld();
  }

  async function release(lease: Lease, shard: number): Promise<void> {
    const { current } = streaming;
    if (current.state !== "settled" || current.shards.has(shard)) return;
    held.delete(shard);
    releasing = undefined;
    await heartbeat(lease);
    await lease.release(shard);
    tellShards("given", [shard]);
  }

  const isLeaving = () => session.state === "leaving";

  async function run(): Promise<void> {
    while (!isLeaving()) {
      const since = condition.changes;
      const due = performance.now() + times.heartbeatMs;
      try {
        await turn();
        await sleep(due - performance.now(), since);
      } catch (error) {
        if (error instanceof LeaseLostError) drop(error.message);
        endSession();
        if (isLeaving()) return;
        setProblem((error as Error).message);
        // An instance that is back soon keeps its shards.
        await sleep(hold.isOpen() ? SOON * times.heartbeatMs : times.heartbeatMs, since);
      }
    }
  }

  /** Waits that long, or until the condition has changed since. */
  async function sleep(ms: number, since: number): Promise<void> {
    const timer = setTimeout(condition.notify, ms);
    await condition.changed(undefined, since);
    clearTimeout(timer);
  }

  async function leave(): Promise<void> {
    session = { state: "leaving", lease: session.lease };
    leaving.abort(new Error("the instance leaves the cluster"));
    condition.notify();
    await loop;
    hold.end();
    const released = [...held];
    held.clear();
    await session.lease?.[Symbol.asyncDispose]();
    session = { state: "leaving" };
    if (released.length > 0) tellShards("given", released);
  }

  return {
    id,
    async start() {
      try {
        await turn();
      } catch (error) {
        endSession();
        if (error instanceof ClusterError) throw error;
        setProblem((error as Error).message);
      }
      loop = run();
    },
    isHolding() {
      if (hold.isOpen()) return true;
      drop("no heartbeat went through in time");
      return false;
    },
    refresh: streamHeld,
    prepareToLeave() {
      isStaying = false;
      condition.notify();
    },
    leave() {
      if (!isLeaving()) leave().then(left.resolve, left.reject);
      return left.promise;
    },
    membership: () => heard.membership,
  };
}
