/**
 * Fetches from history what a feed has missed.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { Listener } from "../../events.ts";
import type { Frame, Rejected } from "../../records/frame.ts";
import type { Coverage } from "./coverage.ts";
import type { Feed, FeedBar } from "./feed.ts";
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

/**
 * Fetches everything from the symbol's frontier to now, and once more, when the bar under way at the subscription is over,
 * the few bars around it: the last one before the subscription may have been in neither history nor the stream.
 *
 * Bars go through the same outlet as the live ones, which already flow; they wait for room, as history can.
 */
export async function repair(options: RepairOptions): Promise<void> {
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
    if (--unsettled === 0) coverage.repaired(symbol, to);
  };
  for await (const bars of feed.history(symbol, from, to, signal)) {
    if (bars.length === 0) continue;
    await outlet.drained(signal);
    unsettled++;
    // A frame from history is no larger than the room that a drained outlet has.
    if (!outlet.offer(makeFrame(bars, [], settled))) return;
    tell({ type: "repaired", provider: feed.name, count: bars.length });
  }
  settled();
}
