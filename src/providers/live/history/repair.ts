/**
 * Asks history about the doubts of a feed's symbols, for as long as one connection lives.
 *
 * Doubts have their turn by urgency (`urgency.ts`), and then by when they are due. Symbols whose ranges start alike
 * share a request, a few requests are made at once, and a long range is cut into slices between which others have their
 * turn. After an outage the account's full rate is used; all other questions keep to a share of it. `evidence.ts`
 * judges the proof of an answer. A failed request is repeated, after a longer wait each time; a refused one is halved
 * until the symbols at fault are found.
 *
 * @module
 */
import type { StoredStarts } from "../../../coverage/store.ts";
import type { Interval } from "../../../records/intervals.ts";
import type { ReceiveClock } from "../../../records/record.ts";
import { compare } from "./compare.ts";
import type { FeedCoverage } from "../coverage.ts";
import { createDivision, type Division } from "./division.ts";
import { type Feed, type FeedBar, isRefusal } from "../feed.ts";
import { takeGroup } from "./tasks.ts";
import { needsTable, nextDue, planRepair, type RepairPlan, useTable } from "./plan.ts";
import { type HistoryQuestion, readHistory } from "./range.ts";
import { reconcile, type Reconciled } from "../coverage/reconcile.ts";
import type { Purpose, Share } from "./share.ts";
import { note, open, type Track } from "../coverage/track.ts";
import { DAY_MS, isAskable, URGENCIES } from "../coverage/urgency.ts";

/** The repairs of a connection. */
export interface Repairs {
  /** The symbol's bars come, so history can be asked about its doubts. */
  allow(symbol: string): void;
  /** The symbol's bars are interrupted, or refused: history is not asked about it until {@linkcode Repairs.allow}. */
  hold(symbol: string): void;
  /** Doubts were opened: looks for due ones. */
  look(): void;
  /** Waits for requests in flight, once the connection is over. */
  ended(): Promise<void>;
}

/** Options of {@linkcode startRepairs}. */
export interface RepairOptions extends Pick<HistoryQuestion, "hand" | "noteRead"> {
  feed: Feed;
  coverage: FeedCoverage;
  stepMs: number;
  /** Ends with the connection. */
  signal: AbortSignal;
  clock: ReceiveClock;
  /** The latest of the local clock, the vendor's, and the newest live bar, in epoch ms. */
  now: () => number;
  /** The vendor's clock, or `now` if it is unknown, which gives the age of bars for the vendor, in epoch ms. */
  vendorNow: () => number;
  /** The share of requests for questions that are not urgent. */
  share: Share;
  /** How far back repairs reach, in milliseconds. */
  reachMs: number;
  /** Whether symbols that trade rarely are asked about. */
  sweeps: boolean;
  /** Reads the stored bars of some symbols, in and around a range of each. Absent if they cannot be read back. */
  readTable?: (
    ranges: ReadonlyMap<string, Interval>,
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, StoredStarts>>;
  /** Called with the result of each answer. */
  onAnswer: (track: Track, result: Reconciled) => void;
  /** Called with the first of a series of failures, and with symbols that are given up for this connection. */
  onFailure: (symbols: readonly string[], error: Error, isFinal: boolean) => void;
  /** First wait after a failure, in milliseconds; doubles up to ten minutes. @default {30000} */
  retryMs?: number;
}

/** The failures of requests about a symbol. */
interface Failing {
  count: number;
  notBefore: number;
  /** Largest group for its requests. */
  groupSize: number;
  /** The division of its first group. */
  division: Division;
}

/** Fewest and most requests in flight at once. */
const PARALLEL = [3, 12] as const;
/**
 * Time of a request until its bars are in the table, in seconds; it limits the requests that use the account's rate.
 */
const REQUEST_SECONDS = 0.5;
/** Most bars of a slice, over all its symbols. */
const BARS_A_SLICE = 50_000;
const MAX_RETRY_MS = 600_000;
/** Symbols refused one after another that mean that history is refused for all. */
const MAX_REFUSALS = 5;
/**
 * Rest after a look, as a multiple of its duration: with ten thousand symbols a look takes milliseconds, and many
 * events cause one.
 */
const REST = 9;
/** How long the order of plans is cached, in milliseconds. */
const QUEUE_MS = 500;
/** Longest sleep, in milliseconds: a clock that was set back must not delay due doubts. */
const MAX_SLEEP_MS = 5_000;

/** Starts without a doubt to ask about. */
export function startRepairs(options: RepairOptions): Repairs {
  const { feed, coverage, stepMs, signal, clock, now, share, hand, readTable, onFailure, retryMs = 30_000 } = options;
  const allowed = new Set<string>();
  const busy = new Set<string>();
  const failing = new Map<string, Failing>();
  const inFlight = new Set<Promise<void>>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isScheduled = false;
  /** Time of the next look, by the monotonic clock. */
  let restsUntil = -Infinity;
  let refusals = 0;
  /** The sorted plans and their time: ten thousand plans are not made again for each request. */
  let queue: { readonly plans: RepairPlan[]; readonly at: number } = { plans: [], at: -Infinity };

  /** Looks once for all events of a moment, when the last look is long enough ago. */
  function look(): void {
    if (isScheduled || signal.aborted) return;
    isScheduled = true;
    const waitMs = restsUntil - performance.now();
    if (waitMs < 1) return queueMicrotask(start);
    clearTimeout(timer);
    timer = setTimeout(start, waitMs);
  }

  function start(): void {
    isScheduled = false;
    clearTimeout(timer);
    if (signal.aborted) return;
    const startedAt = performance.now();
    let sleepMs = MAX_SLEEP_MS;
    const most = Math.min(PARALLEL[1], Math.max(PARALLEL[0], Math.ceil(feed.bucket.perSecond * REQUEST_SECONDS)));
    while (inFlight.size < most) {
      const found = next();
      if (!Array.isArray(found)) {
        sleepMs = Math.min(sleepMs, found.waitMs);
        break;
      }
      const run = repair(found).finally(() => {
        inFlight.delete(run);
        look();
      });
      inFlight.add(run);
    }
    restsUntil = performance.now() + (performance.now() - startedAt) * REST;
    if (inFlight.size < most) timer = setTimeout(start, Math.max(1, sleepMs));
  }

  const groupSizeOf = (symbol: string) => failing.get(symbol)?.groupSize ?? feed.historySymbols ?? 1;

  /** The plans of the next request, or the time until one is due. */
  function next(): RepairPlan[] | { waitMs: number } {
    const at = now();
    let plans = queue.plans.filter((plan) => isFree(plan, at) && plan.basis === plan.track.coverage);
    if (plans.length === 0 || performance.now() - queue.at > QUEUE_MS) plans = planAll();
    queue = { plans, at: queue.at };
    const [first] = plans;
    if (first === undefined) return { waitMs: untilNext() };
    const shareMs = share.waitMs(purposeOf(first));
    if (shareMs > 0) return { waitMs: Math.min(untilNext(), shareMs) };
    const size = groupSizeOf(first.symbol);
    if (size === 1) return [first];
    const alike = plans.filter((plan) => plan !== first && plan.from >= first.from && groupSizeOf(plan.symbol) >= size);
    return takeGroup([first, ...alike.sort((a, b) => a.from - b.from)], size, stepMs);
  }

  const isFree = ({ symbol }: { symbol: string }, at: number) =>
    allowed.has(symbol) && !busy.has(symbol) && (failing.get(symbol)?.notBefore ?? -Infinity) <= at;

  /** All due plans, sorted. */
  function planAll(): RepairPlan[] {
    const at = now();
    const plans = Array.from(coverage.inDoubt()).filter((track) => isFree(track, at)).flatMap((track) =>
      planRepair(track, coverage, at) ?? []
    ).filter(({ urgency }) => options.sweeps || urgency !== "thin");
    queue = { plans, at: performance.now() };
    return plans.sort((a, b) =>
      URGENCIES.indexOf(a.urgency) - URGENCIES.indexOf(b.urgency) || a.dueAt - b.dueAt || a.from - b.from
    );
  }

  /** Time until the next doubt is due, in milliseconds; due ones wait for their share. */
  function untilNext(): number {
    const at = now();
    let next = Infinity;
    for (const track of coverage.inDoubt()) {
      if (!allowed.has(track.symbol) || busy.has(track.symbol)) continue;
      next = Math.min(next, nextDue(track, coverage, at, failing.get(track.symbol)?.notBefore ?? -Infinity));
    }
    return next - at;
  }

  async function repair(group: readonly RepairPlan[]): Promise<void> {
    const symbols = group.map(({ symbol }) => symbol);
    for (const symbol of symbols) busy.add(symbol);
    const question = share.begin(purposeOf(group[0]));
    try {
      if (!await answer(group, question.onRequest)) question.cancel();
      refusals = 0;
      for (const symbol of symbols) {
        failing.get(symbol)?.division.answered();
        failing.delete(symbol);
      }
    } catch (error) {
      if (!signal.aborted) fail(group, error as Error);
    } finally {
      for (const symbol of symbols) busy.delete(symbol);
    }
  }

  /** Asks about bars that the table does not have, and applies the answer; returns the number of requests. */
  async function answer(group: readonly RepairPlan[], onRequest: () => void): Promise<boolean> {
    const known = await readKnown(group);
    const plans = group.map(({ track }) => planRepair(track, coverage, now())).filter((plan) => plan !== undefined);
    for (const { track } of group) coverage.changed(track);
    if (plans.length === 0) return false;
    const [askedAt, begunAt] = [options.vendorNow(), performance.now()];
    const knownOf = new Map(plans.map(({ symbol, track }) => [symbol, withRecent(known.get(symbol), track)]));
    const from = Math.min(...plans.map((plan) => plan.from));
    const last = Math.max(...plans.map((plan) => plan.to));
    const to = Math.min(last, from + Math.ceil(BARS_A_SLICE / plans.length) * stepMs);
    const bySymbol = new Map(plans.map((plan) => [plan.symbol, plan]));
    const outdated = new Map<string, Set<number>>();
    const { starts, unstored } = await readHistory({
      ...{ feed, signal, onRequest, clock, hand, noteRead: options.noteRead },
      asked: new Map(plans.map((plan) => [plan.symbol, [plan.from, to]])),
      select: (bars) => selectNews(bars, bySymbol, outdated),
    });
    for (const plan of plans) {
      const { track, symbol, doubts } = plan;
      const result = reconcile({
        ...{ track, doubts, askedAt, begunAt, now: now(), known: knownOf.get(symbol)! },
        starts: starts.get(symbol) ?? [],
        asked: [plan.from, Math.min(to, plan.to)],
        isSlice: to < plan.to,
        historyStart: feed.historyStart?.(symbol) ?? -Infinity,
        withoutRow: feed.historyLacks?.(symbol),
        reachFrom: now() - options.reachMs,
        correctionMs: feed.correctionMs ?? 0,
        outdated: outdated.get(symbol) ?? new Set(),
        unstored: unstored.get(symbol),
        readyAt: (end) => coverage.inHistoryAt(end - stepMs),
      });
      if (to >= plan.to) track.answeredAt = begunAt;
      coverage.changed(track);
      options.onAnswer(track, result);
    }
    return true;
  }

  function selectNews(
    bars: readonly FeedBar[],
    bySymbol: ReadonlyMap<string, RepairPlan>,
    outdated: Map<string, Set<number>>,
  ): FeedBar[] {
    return Array.from(Map.groupBy(bars, ({ symbol }) => symbol)).flatMap(([symbol, some]) => {
      const { track, doubts } = bySymbol.get(symbol)!;
      // Bars beside the doubts are not in doubt, only evidence. But if history confirms each bar, late trades missing
      // from the stream may have changed them since.
      const asked = some.filter(({ ts }) => feed.isConfirmed || doubts.some(({ from, to }) => ts >= from && ts < to));
      const compared = compare(track, asked);
      // A plain bar that the stream sends from now on does not replace them.
      if (feed.isConfirmed) { for (const { ts } of compared.news) note(track, ts); }
      if (compared.outdated.length > 0) {
        outdated.set(symbol, new Set([...outdated.get(symbol) ?? [], ...compared.outdated]));
      }
      return compared.news;
    });
  }

  /** Reads the bars of the table in and around doubts that are older than the memory. */
  async function readKnown(group: readonly RepairPlan[]): Promise<ReadonlyMap<string, number[]>> {
    const some = readTable === undefined ? [] : group.filter(needsTable);
    if (some.length === 0) return new Map();
    const ranges = new Map(some.map(({ symbol, doubts }): [string, Interval] => [
      symbol,
      [doubts[0].from, doubts.at(-1)!.to],
    ]));
    try {
      const stored = await readTable!(ranges, signal);
      return new Map(some.flatMap((plan) => {
        const of = stored.get(plan.symbol);
        return of === undefined
          ? []
          : [[plan.symbol, useTable(plan, of, feed.correctionMs === undefined && feed.isConfirmed !== true)]];
      }));
    } catch {
      signal.throwIfAborted();
      // The table cannot be read: the bars of history are fetched all the same.
      return new Map();
    }
  }

  function fail(group: readonly RepairPlan[], error: Error): void {
    const division = failing.get(group[0].symbol)?.division ?? createDivision(group.length);
    const isToDivide = division.divides(error, group.length);
    const isFinal = isRefusal(error) && !isToDivide;
    const isFirst = group.every(({ symbol }) => (failing.get(symbol)?.count ?? 0) === 0);
    const symbols = group.map(({ symbol }) => symbol);
    if (isFinal || (isFirst && !isToDivide)) onFailure(symbols, error, isFinal);
    if (isFinal) return deny(symbols, error);
    for (const symbol of symbols) {
      const { count = 0, groupSize = feed.historySymbols ?? 1 } = failing.get(symbol) ?? {};
      const waitMs = Math.min(retryMs * 2 ** count, MAX_RETRY_MS) * (0.5 + Math.random() / 2);
      const next = isToDivide
        ? { count, notBefore: -Infinity, groupSize: Math.ceil(group.length / 2) }
        : { count: count + 1, notBefore: now() + waitMs, groupSize };
      failing.set(symbol, { ...next, division });
    }
  }

  /** Requests a refused symbol again tomorrow; if one symbol after the other is refused, all are. */
  function deny(symbols: readonly string[], error: Error): void {
    const isAll = ++refusals >= MAX_REFUSALS;
    if (refusals === MAX_REFUSALS) onFailure([...allowed], error, true);
    const denied = isAll ? [...coverage.inDoubt()] : symbols.map(coverage.track);
    for (const track of denied) {
      if (isAll && !allowed.has(track.symbol)) continue;
      for (const each of track.coverage.doubts.filter(isAskable)) {
        open(track, { ...each, reason: "denied", dueAt: now() + DAY_MS });
      }
      coverage.changed(track);
    }
  }

  function withRecent(known: readonly number[] = [], { recent }: Track): number[] {
    return [...new Set([...known, ...recent])].sort((a, b) => a - b);
  }

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return {
    allow(symbol) {
      allowed.add(symbol);
      // The cause of its failures may have ended with the interruption.
      failing.delete(symbol);
      queue = { plans: [], at: -Infinity };
      look();
    },
    hold: (symbol) => void allowed.delete(symbol),
    look,
    async ended() {
      await Promise.all(inFlight);
    },
  };
}

const purposeOf = ({ urgency }: RepairPlan): Purpose =>
  urgency === "outage" ? "urgent" : urgency === "first" ? "first" : "ordinary";
