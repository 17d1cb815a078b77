/**
 * Fetches from history what a feed has missed.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { Listener } from "../../events.ts";
import type { Frame, Rejected } from "../../records/frame.ts";
import type { Coverage } from "./coverage.ts";
import { type Feed, type FeedBar, FeedError } from "./feed.ts";
import type { Outlet } from "./outlet.ts";

/** Options of {@linkcode repair}. */
export interface RepairOptions {
  feed: Feed;
  symbol: string;
  coverage: Coverage;
  stepMs: number;
  signal: AbortSignal;
  outlet: Outlet;
  makeFrame: (bars: readonly FeedBar[], rejected: readonly Rejected[], onSettled: () => void) => Frame;
  tell: Listener;
}

/** How long after the end of a bar it is surely in history, in milliseconds. */
const HISTORY_LAG_MS = 5_000;
/** First and longest wait after a history that could not be read, in milliseconds. */
const RETRY_MS = 30_000;
const MAX_RETRY_MS = 600_000;

/**
 * Repairs until it has worked or the connection is over. `onFailure` hears of each failure; live bars go on meanwhile, and
 * the frontier stays where it is.
 */
export async function keepRepairing(options: RepairOptions, onFailure: (error: unknown) => void): Promise<void> {
  const { signal } = options;
  for (let waitMs = RETRY_MS; !signal.aborted; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
    try {
      return await repair(options);
    } catch (error) {
      if (signal.aborted) return;
      onFailure(error);
      // What is refused stays refused.
      if (error instanceof FeedError && error.isFatal) return;
    }
    await delay(waitMs, { signal }).catch(() => {});
  }
}

/**
 * Fetches everything from the symbol's frontier to now, and once more, when the bar under way at the subscription is over,
 * the few bars around it: the last one before the subscription may have been in neither history nor the stream.
 *
 * Bars go through the same outlet as the live ones, which already flow; they wait for room, as history can.
 */
async function repair(options: RepairOptions): Promise<void> {
  const { symbol, coverage, stepMs, signal } = options;
  const subscribedAt = Date.now();
  const bar = Math.floor(subscribedAt / stepMs) * stepMs;
  const frontier = coverage.frontier(symbol);
  if (frontier !== undefined) await fetchRange(options, frontier, bar);
  const seamMs = bar + stepMs + HISTORY_LAG_MS - Date.now();
  await delay(Math.max(0, seamMs), { signal });
  await fetchRange(options, bar - 2 * stepMs, bar + stepMs);
}

async function fetchRange(options: RepairOptions, from: number, to: number): Promise<void> {
  const { feed, symbol, coverage, signal, outlet, makeFrame, tell } = options;
  let unsettled = 1;
  const settled = () => {
    if (--unsettled === 0) coverage.repaired(symbol, to, !signal.aborted);
  };
  for await (const bars of feed.history([symbol], from, to, signal)) {
    if (bars.length === 0) continue;
    await outlet.drained(signal);
    unsettled++;
    // A frame from history is no larger than the room that a drained outlet has.
    if (!outlet.offer(makeFrame(bars, [], settled))) return;
    tell({ type: "repaired", provider: feed.name, count: bars.length });
  }
  settled();
}
