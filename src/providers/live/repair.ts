/**
 * Fetches from history what a feed has missed, for all symbols of one connection.
 *
 * Each symbol that is subscribed is asked about from its frontier to the end of the bar under way: that one, and the one
 * before, may have been in neither history nor the stream. Symbols whose ranges start alike share a request, a few requests
 * are under way at once, and a long range is cut into slices between which others have their turn. A request that fails is
 * made again later, the more so the more often; one that is refused is halved until the symbols to blame are found.
 *
 * @module
 */
import type { ReceiveClock } from "../../records/record.ts";
import type { Coverage } from "./coverage.ts";
import { type Feed, isDivisible, isRefusal } from "./feed.ts";
import type { Gaps } from "./gaps.ts";
import { takeGroup } from "./groups.ts";
import { type RangeOptions, readRange } from "./range.ts";

/** The repairs of a connection. */
export interface Repairs {
  /** The symbol's bars flow from now on; what came before may be incomplete. */
  begin(symbol: string): void;
  /** Forgets the symbol: what is fetched tells nothing of what is missing now. */
  cancel(symbol: string): void;
  /** Waits for what is under way, once the connection is over. */
  ended(): Promise<void>;
}

/** Options of {@linkcode startRepairs}. */
export interface RepairOptions {
  feed: Feed;
  coverage: Coverage;
  gaps: Gaps;
  stepMs: number;
  /** Ends with the connection. */
  signal: AbortSignal;
  clock: ReceiveClock;
  hand: RangeOptions["hand"];
  /** Hears of the first of a row of failures, and of symbols that are given up for this connection. */
  onFailure: (symbols: readonly string[], error: Error) => void;
  /** First wait after a failure, in milliseconds; doubles up to ten minutes. @default {30000} */
  retryMs?: number;
}

/** What is to be asked of a symbol. */
interface Job {
  readonly symbol: string;
  /** Start of the first bar that may be missing. */
  from: number;
  /** End of the bar under way at the subscription. */
  readonly to: number;
  /** When it is its turn, in epoch ms. */
  due: number;
  failures: number;
  /** Most of the group that it is asked in. */
  groupSize: number;
  isBusy: boolean;
}

/** Requests under way at once. */
const PARALLEL = 3;
/** Bars that a slice may find in all its symbols together. */
const BARS_A_SLICE = 50_000;
/** How long after the end of a bar it is surely in history, in milliseconds. */
const SETTLE_MS = 5_000;
const MAX_RETRY_MS = 600_000;
/** Symbols refused one after another that mean that there is nothing to be had for any. */
const MAX_REFUSALS = 5;

/** Starts with nothing to repair. */
export function startRepairs(options: RepairOptions): Repairs {
  const { feed, coverage, gaps, stepMs, signal, clock, onFailure, retryMs = 30_000 } = options;
  const jobs = new Map<string, Job>();
  const underWay = new Set<Promise<void>>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isScheduled = false;
  let refusals = 0;

  const floor = (ms: number) => Math.floor(ms / stepMs) * stepMs;
  const lagMs = () => SETTLE_MS + (feed.historyLagMs ?? 0);
  /** Once all jobs that came at a time are there. */
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      start();
    });
  }

  function start(): void {
    clearTimeout(timer);
    if (signal.aborted) return;
    while (underWay.size < PARALLEL) {
      const group = next();
      if (group === undefined) break;
      const run = repair(group).finally(() => {
        underWay.delete(run);
        schedule();
      });
      underWay.add(run);
    }
    let due = Infinity;
    for (const job of jobs.values()) if (!job.isBusy) due = Math.min(due, job.due);
    if (underWay.size < PARALLEL && due < Infinity) timer = setTimeout(start, Math.max(1, due - Date.now()));
  }

  /** The jobs to be done next: with the one that has waited longest, others that start alike. */
  function next(): Job[] | undefined {
    const now = Date.now();
    let first: Job | undefined;
    for (const job of jobs.values()) {
      if (job.isBusy || job.due > now) continue;
      const isEarlier = first === undefined || job.due < first.due || (job.due === first.due && job.from < first.from);
      if (isEarlier) first = job;
    }
    if (first === undefined || first.groupSize === 1) return first && [first];
    const { from, groupSize } = first;
    const others = [...jobs.values()].filter((job) =>
      job !== first && !job.isBusy && job.due <= now && job.from >= from && job.groupSize >= groupSize
    );
    return takeGroup([first, ...others.sort((a, b) => a.from - b.from)], groupSize, stepMs);
  }

  const isCurrent = (job: Job) => jobs.get(job.symbol) === job;

  async function repair(group: readonly Job[]): Promise<void> {
    const from = group[0].from;
    const bySymbol = new Map(group.map((job) => [job.symbol, job]));
    const last = Math.max(...group.map(({ to }) => to));
    const sliceMs = Math.ceil(BARS_A_SLICE / group.length) * stepMs;
    const to = Math.min(from + sliceMs, last, floor(Date.now() - lagMs()));
    for (const job of group) job.isBusy = true;
    try {
      if (to > from) {
        await readRange({
          feed,
          asked: new Map(group.map((job) => [job.symbol, [job.from, to]])),
          signal,
          clock,
          hand: (bars, asOf, onSettled) => options.hand(bars, asOf, onSettled),
          onCommitted: (symbol, until) => advance(bySymbol.get(symbol)!, until),
        });
        refusals = 0;
      }
      for (const job of group) {
        job.failures = 0;
        // What history is behind with is asked for when it is there.
        job.due = to < Math.min(job.to, floor(Date.now() - lagMs())) ? Date.now() : job.to + lagMs();
      }
    } catch (error) {
      if (!signal.aborted) fail(group, error as Error);
    } finally {
      for (const job of group) {
        job.isBusy = false;
        if (job.from >= job.to && isCurrent(job)) jobs.delete(job.symbol);
      }
    }
  }

  function advance(job: Job, until: number): void {
    job.from = Math.max(job.from, Math.min(until, job.to));
    gaps.closed(job.symbol, job.from, feed.historyStart?.(job.symbol) ?? -Infinity);
    // Live bars have flowed ever since only where this connection still does.
    coverage.repaired(job.symbol, job.from, job.from >= job.to && isCurrent(job) && !signal.aborted);
  }

  function fail(group: readonly Job[], error: Error): void {
    const isToDivide = isDivisible(error) && group.length > 1;
    const isFinal = isRefusal(error) && !isToDivide;
    const isFirst = group.every(({ failures }) => failures === 0);
    if (isFinal || isFirst && !isToDivide) onFailure(group.map(({ symbol }) => symbol), error);
    if (isFinal) { for (const { symbol } of group) gaps.refused(symbol); }
    if (isFinal && ++refusals === MAX_REFUSALS) {
      onFailure([...jobs.keys()], error);
      for (const symbol of jobs.keys()) gaps.refused(symbol);
      jobs.clear();
    }
    for (const job of group) {
      if (isFinal) {
        if (isCurrent(job)) jobs.delete(job.symbol);
      } else if (isToDivide) job.groupSize = Math.ceil(group.length / 2);
      else {
        const waitMs = Math.min(retryMs * 2 ** job.failures++, MAX_RETRY_MS);
        job.due = Date.now() + waitMs * (0.5 + Math.random() / 2);
      }
    }
  }

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return {
    begin(symbol) {
      const now = Date.now();
      const bar = floor(now);
      const known = coverage.frontier(symbol);
      // The bar that was under way when data last came, and the one before, may not have come.
      if (known !== undefined) gaps.found(symbol, Math.max(known, floor(coverage.heardAt(symbol)) - stepMs), bar);
      // Should the connection be lost before its first bar, that one must be asked for all the same.
      const first = floor(now - (feed.historyLagMs ?? 0));
      coverage.begin(symbol, first, first + stepMs);
      const from = Math.min(known === undefined ? Infinity : known - coverage.overlapMs, bar - 2 * stepMs);
      const groupSize = feed.historySymbols ?? 1;
      const due = known === undefined ? bar + stepMs + lagMs() : now;
      jobs.set(symbol, { symbol, from, to: bar + stepMs, due, failures: 0, groupSize, isBusy: false });
      schedule();
    },
    cancel: (symbol) => void jobs.delete(symbol),
    async ended() {
      await Promise.all(underWay);
    },
  };
}
