/**
 * Reads a range of history into the pipeline, and tells how far it is committed.
 *
 * @module
 */
import { orAborted } from "../../abort.ts";
import type { Bar } from "../../records/bar.ts";
import { createFrame, type Frame } from "../../records/frame.ts";
import type { Interval } from "../../records/intervals.ts";
import type { ReceiveClock } from "../../records/record.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { Feed, FeedBar } from "./feed.ts";

/** What to read, and where to. */
export interface RangeOptions {
  feed: Feed;
  /** What is asked for of each symbol, in epoch ms; all are asked for from the earliest start to the latest end. */
  asked: ReadonlyMap<string, Interval>;
  /** The bars to hand over of each symbol, in epoch ms. @default {what is asked for} */
  ranges?: ReadonlyMap<string, Interval>;
  /** Takes up the starts of all bars that come of each symbol. */
  answer?: Map<string, number[]>;
  signal: AbortSignal;
  clock: ReceiveClock;
  /**
   * Hands over some bars, waiting while there is no room for them. They were observed at `asOf` (microseconds): the moment
   * at which they were asked for, so that a correction that has come meanwhile counts as the newer one.
   */
  hand: (bars: readonly FeedBar[], asOf: number, onSettled: () => void) => Promise<void>;
  /** Told, in order, that all bars of the symbol before `until` are committed that history has. */
  onCommitted: (symbol: string, until: number) => void;
}

/** Bars that are handed over at once: a whole page would leave no room for other symbols. */
const BARS_AT_ONCE = 1000;

/**
 * Reads the range, and resolves when all of it is committed with how far it was to be had: up to `to`, or less where history
 * is behind.
 *
 * @throws What history throws, and the signal's reason; what was handed over before is committed all the same.
 */
export async function readRange(options: RangeOptions): Promise<number> {
  const { feed, asked, ranges = asked, answer, signal, clock, hand, onCommitted } = options;
  const symbols = [...asked.keys()];
  const from = Math.min(...Array.from(asked.values(), ([from]) => from));
  const to = Math.max(...Array.from(asked.values(), ([, to]) => to));
  const stepMs = TIMEFRAMES.get(feed.timeframe)!;
  const startedAt = Date.now();
  const waiting: { ends: ReadonlyMap<string, number>; isSettled: boolean }[] = [];
  const { promise: committed, resolve } = Promise.withResolvers<void>();
  let isRead = false;

  async function handOver(bars: readonly FeedBar[], asOf: number): Promise<void> {
    const entry = { ends: new Map(bars.map(({ symbol, ts }) => [symbol, ts + stepMs])), isSettled: false };
    waiting.push(entry);
    await hand(bars, asOf, () => {
      entry.isSettled = true;
      while (waiting[0]?.isSettled) {
        for (const [symbol, end] of waiting.shift()!.ends) onCommitted(symbol, end);
      }
      if (isRead && waiting.length === 0) resolve();
    });
  }

  const pages = feed.history(symbols, from, to, signal)[Symbol.asyncIterator]();
  try {
    while (true) {
      const asOf = clock(1);
      const { done, value } = await pages.next();
      if (done) break;
      for (const { symbol, ts } of value) if (lies(ts, asked.get(symbol))) addTo(answer, symbol, ts);
      const bars = value.filter(({ symbol, ts }) => lies(ts, ranges.get(symbol)));
      for (let at = 0; at < bars.length; at += BARS_AT_ONCE) await handOver(bars.slice(at, at + BARS_AT_ONCE), asOf);
    }
  } finally {
    await pages.return?.();
  }
  signal.throwIfAborted();
  isRead = true;
  if (waiting.length > 0) await orAborted(committed, signal);
  const ready = Math.floor((startedAt - (feed.historyLagMs ?? 0)) / stepMs) * stepMs;
  const until = Math.min(to, ready);
  if (until > from) { for (const symbol of symbols) onCommitted(symbol, Math.min(until, asked.get(symbol)![1])); }
  return until;
}

const lies = (ts: number, range: Interval | undefined) => range !== undefined && ts >= range[0] && ts < range[1];

function addTo(answer: Map<string, number[]> | undefined, symbol: string, ts: number): void {
  const starts = answer?.get(symbol);
  if (starts === undefined) answer?.set(symbol, [ts]);
  else starts.push(ts);
}

/** How long after the end of a bar history surely has it whole, in milliseconds. */
export const SETTLE_MS = 5_000;

/**
 * A frame of bars of history, which were observed at `asOf` (microseconds). Bars that were over by then are marked, so that
 * no plain bar that the feed sends later replaces them.
 */
export function createHistoryFrame(
  provider: string,
  bars: readonly FeedBar[],
  asOf: number,
  onSettled: () => void,
): Frame {
  const overBy = asOf / 1000 - SETTLE_MS;
  const records = bars.map((bar): Bar => {
    const isWhole = bar.ts + TIMEFRAMES.get(bar.timeframe)! <= overBy;
    return { ...bar, provider, receivedAt: asOf, fromHistory: isWhole ? 1 : undefined };
  });
  // What is told of the way to the commit begins here: how long history took is no matter of the pipeline.
  return createFrame({ kind: "bar", provider, receivedAt: Math.max(asOf, Date.now() * 1000), records, onSettled });
}
