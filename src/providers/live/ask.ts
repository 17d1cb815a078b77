/**
 * Asks history about a range of some symbols, and hands on what it has.
 *
 * @module
 */
import { orAborted } from "../../abort.ts";
import type { ReceiveClock } from "../../records/record.ts";
import type { Feed, FeedBar } from "./feed.ts";

/** A question to history, and where the bars go. Times are epoch ms. */
export interface AskOptions {
  feed: Pick<Feed, "history">;
  /** Start of the first bar of interest of each symbol; all are asked for from the earliest on. */
  starts: ReadonlyMap<string, number>;
  /** Bars start before it. */
  to: number;
  signal: AbortSignal;
  clock: ReceiveClock;
  /** The bars to hand on, of those that came. @default {all} */
  select?: (bars: readonly FeedBar[]) => readonly FeedBar[];
  /**
   * Hands bars on, waiting while there is no room for them. They were observed at `asOf` (microseconds): the moment at which
   * their page was asked for, so that a correction that has come meanwhile counts as the newer one.
   */
  hand: (bars: readonly FeedBar[], asOf: number, onSettled: () => void) => Promise<void>;
}

/** Bars that are handed on at once: a whole page would leave no room for other symbols. */
const BARS_AT_ONCE = 1000;

/**
 * Resolves with the starts of the bars of each symbol, in order, when all of them are committed: an answer that is complete.
 *
 * @throws What history throws, and the signal's reason; the bars handed on before are committed all the same.
 */
export async function askHistory(options: AskOptions): Promise<ReadonlyMap<string, readonly number[]>> {
  const { feed, starts, to, signal, clock, hand, select = (bars) => bars } = options;
  const answer = new Map<string, number[]>(Array.from(starts.keys(), (symbol) => [symbol, []]));
  const commits: Promise<void>[] = [];
  const pages = feed.history([...starts.keys()], Math.min(...starts.values()), to, signal)[Symbol.asyncIterator]();
  try {
    while (true) {
      const asOf = clock(1);
      const { done, value } = await pages.next();
      if (done) break;
      const bars = value.filter(({ symbol, ts }) => ts >= (starts.get(symbol) ?? Infinity) && ts < to);
      for (const { symbol, ts } of bars) answer.get(symbol)!.push(ts);
      const selected = select(bars);
      for (let at = 0; at < selected.length; at += BARS_AT_ONCE) {
        const { promise, resolve } = Promise.withResolvers<void>();
        commits.push(promise);
        await hand(selected.slice(at, at + BARS_AT_ONCE), asOf, resolve);
      }
    }
  } finally {
    await pages.return?.();
  }
  signal.throwIfAborted();
  await orAborted(Promise.all(commits), signal);
  for (const each of answer.values()) each.sort((a, b) => a - b);
  return answer;
}
