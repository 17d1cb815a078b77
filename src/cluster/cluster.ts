/**
 * An instance among others: it keeps its leases, takes and gives shards, and sees to it that exactly those are streamed.
 *
 * One loop beats, plans and changes leases, one step after the other; streams are changed beside it, so that a feed that is
 * slow to close delays no beat. A shard is taken as: lock → told of in a beat → streamed; and given as: no more streamed →
 * no more told of → unlocked. When the hold is over without a beat that went through, the streams are cut at once.
 *
 * @module
 */
import type { Listener } from "../events.ts";
import { ClusterError, LeaseLostError } from "./lease.ts";
import type { Census, InstanceReport, Lease, LeaseKeeper, LeaseTimes } from "./lease.ts";
import { makePlan } from "./plan.ts";

/** Options of {@linkcode createCluster}. */
export interface ClusterOptions {
  keeper: LeaseKeeper;
  times: LeaseTimes;
  /** What the others are told. */
  report: () => Omit<InstanceReport, "isLeaving">;
  /** Makes these the shards that are streamed; resolves when all others are no more. */
  stream: (shards: ReadonlySet<number>) => Promise<void>;
  /** Ends all streams at once. */
  cut: (reason: Error) => void;
  tell: Listener;
}

/** This instance, and what it knows of the others. */
export interface Cluster {
  /** Tells it from all others. */
  readonly id: string;
  /**
   * Joins and begins.
   *
   * @throws {ClusterError} If that is in vain; where it is only so for now it is tried again and again.
   */
  start(): Promise<void>;
  /** Whether this instance may stream what it holds, to the moment. */
  isHolding(): boolean;
  /** Streams again what is held, since what that means has changed. */
  refresh(): Promise<void>;
  /** Takes nothing more, and says so. */
  prepareToLeave(): void;
  /** Lets others have all at once; nothing may be streamed any more. */
  leave(): Promise<void>;
  /** The others, as last heard of, and this one; `undefined` before the first time. */
  census(): Census | undefined;
}

/** Beats for which instances must be the same ones before shards are moved between them. */
const SETTLED_AFTER = 3;
/** Part of a beat to wait after a session has ended, before the next is opened, while that can save the hold. */
const SOON = 0.1;

/** A moment by the clock that is never set, and by the one that goes on while the machine sleeps; milliseconds. */
interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

const now = (): Moment => ({ monotonic: performance.now(), wall: Date.now() });
const LONG_AGO: Moment = { monotonic: -Infinity, wall: -Infinity };

/** Makes the instance; nothing is joined yet. */
export function createCluster({ keeper, times, report, stream, cut, tell }: ClusterOptions): Cluster {
  const id = crypto.randomUUID();
  /** Locked, and told of as held. */
  const held = new Set<number>();
  /** The one of them that others are to have as soon as it is no more streamed. */
  let giving: number | undefined;
  let lease: Lease | undefined;
  let census: Census | undefined;
  let holdsUntil = LONG_AGO;
  let expiry: ReturnType<typeof setTimeout> | undefined;
  let hasProblem = false;
  let isLeaving = false;
  let isOver = false;
  let instances = "";
  let unheld = 0;
  let sameSince = 0;
  let wake = Promise.withResolvers<void>();
  let loop: Promise<void> = Promise.resolve();
  let leaving: Promise<void> | undefined;
  /** What is streamed; `undefined` while that changes, or after a change that has failed. */
  let streamed: ReadonlySet<number> | undefined = new Set();
  let streaming: Promise<void> = Promise.resolve();
  let changes = 0;
  let failedAt = 0;

  const fullReport = (): InstanceReport => ({ ...report(), isLeaving });
  const inOrder = (shards: Iterable<number>) => [...shards].sort((a, b) => a - b);

  function tellShards(change: "taken" | "given" | "lost", shards: readonly number[], reason?: string): void {
    tell({ type: "shards", change, shards: inOrder(shards), held: inOrder(held), reason });
  }

  function isHolding(): boolean {
    const { monotonic, wall } = now();
    return monotonic < holdsUntil.monotonic && wall < holdsUntil.wall;
  }

  function expire(): void {
    clearTimeout(expiry);
    if (isHolding()) expiry = setTimeout(expire, Math.ceil(holdsUntil.monotonic - performance.now()) + 1);
    else drop("no beat went through in time");
  }

  /** Is no holder any more, and streams nothing from this moment on. */
  function drop(reason: string): void {
    clearTimeout(expiry);
    holdsUntil = LONG_AGO;
    // What comes of a beat under way is not to be trusted: it may be what the hold was lost by.
    endSession();
    if (held.size === 0) return;
    const lost = [...held];
    held.clear();
    giving = undefined;
    cut(new Error(`the hold on the shards is over: ${reason}`));
    tellShards("lost", lost, reason);
    streamHeld();
  }

  function endSession(): void {
    lease?.cut();
    lease = undefined;
  }

  /** Makes what is held, but for what is given away, what is streamed; after changes that are under way. */
  function streamHeld(): Promise<void> {
    const wanted = new Set(held);
    if (giving !== undefined) wanted.delete(giving);
    streamed = undefined;
    changes++;
    return streaming = streaming.then(async () => {
      try {
        await stream(wanted);
        if (changes === 1) streamed = wanted;
      } catch (error) {
        failedAt = performance.now();
        tell({ type: "cluster-notice", message: `cannot change what is streamed: ${(error as Error).message}` });
      }
      changes--;
      wake.resolve();
    });
  }

  async function beat(session: Lease, claims: Iterable<number> = held): Promise<void> {
    const sentAt = now();
    const heard = await session.beat(fullReport(), inOrder(claims));
    checkSession(session);
    holdsUntil = { monotonic: sentAt.monotonic + times.holdMs, wall: sentAt.wall + times.holdMs };
    expire();
    census = heard;
    const alive = heard.members.filter(({ isAlive }) => isAlive);
    const ids = alive.map((member) => member.id).join();
    const unheldNow = report().shards - new Set([...alive.flatMap((member) => member.held), ...held]).size;
    if (ids === instances && unheldNow === unheld) return;
    if (ids !== instances) sameSince = performance.now();
    instances = ids;
    unheld = unheldNow;
    tell({ type: "cluster", instances: alive.length, unheld });
  }

  /** It may have been given up while something was waited for. */
  function checkSession(session: Lease): void {
    if (lease !== session) throw new Error("the session was over before an answer came");
  }

  /** After a session has ended: what was held is held on if it can be had again while the hold lasts. */
  async function join(): Promise<Lease> {
    const session = lease = await keeper.join(id, fullReport());
    const wanted = inOrder(held);
    if (wanted.length === 0) return session;
    const got = await session.take(wanted);
    checkSession(session);
    // By the former session, whose end the server has not seen yet.
    if (got.length < wanted.length) throw new Error("what was held is still locked by a session that has ended");
    return session;
  }

  async function turn(): Promise<void> {
    const session = lease ?? await join();
    await beat(session);
    if (hasProblem) tell({ type: "cluster-problem", reason: undefined });
    hasProblem = false;
    if (giving !== undefined) return await give(session, giving);
    if (streamed === undefined && changes === 0 && performance.now() - failedAt > times.ttlMs) streamHeld();
    const isSettled = performance.now() - sameSince >= SETTLED_AFTER * times.beatMs;
    const plan = makePlan({ census: census!, id, shards: report().shards, isSettled });
    if (plan.give !== undefined) {
      giving = plan.give;
      streamHeld();
    }
    if (plan.take.length === 0) return;
    const got = await session.take(plan.take);
    checkSession(session);
    if (got.length === 0) return;
    await beat(session, [...held, ...got]);
    for (const shard of got) held.add(shard);
    tellShards("taken", got);
    streamHeld();
  }

  async function give(session: Lease, shard: number): Promise<void> {
    if (streamed === undefined || streamed.has(shard)) return;
    held.delete(shard);
    giving = undefined;
    await beat(session);
    await session.give(shard);
    tellShards("given", [shard]);
  }

  async function run(): Promise<void> {
    while (!isOver) {
      const due = performance.now() + times.beatMs;
      try {
        await turn();
        await sleep(due - performance.now());
      } catch (error) {
        if (error instanceof LeaseLostError) drop(error.message);
        endSession();
        if (isOver) return;
        if (!hasProblem) tell({ type: "cluster-problem", reason: (error as Error).message });
        hasProblem = true;
        // Whoever is back soon keeps what it holds.
        await sleep(isHolding() ? SOON * times.beatMs : times.beatMs);
      }
    }
  }

  /** Waits, or until woken. */
  async function sleep(ms: number): Promise<void> {
    const timer = setTimeout(() => wake.resolve(), ms);
    await wake.promise;
    clearTimeout(timer);
    wake = Promise.withResolvers();
  }

  async function leave(): Promise<void> {
    isOver = true;
    wake.resolve();
    await loop;
    clearTimeout(expiry);
    const given = [...held];
    held.clear();
    await lease?.[Symbol.asyncDispose]();
    lease = undefined;
    if (given.length > 0) tellShards("given", given);
  }

  return {
    id,
    async start() {
      try {
        await turn();
      } catch (error) {
        endSession();
        if (error instanceof ClusterError) throw error;
        tell({ type: "cluster-problem", reason: (error as Error).message });
        hasProblem = true;
      }
      loop = run();
    },
    isHolding() {
      if (isHolding()) return true;
      drop("no beat went through in time");
      return false;
    },
    refresh: streamHeld,
    prepareToLeave() {
      isLeaving = true;
      wake.resolve();
    },
    leave: () => leaving ??= leave(),
    census: () => census,
  };
}
