/**
 * Compares bars of history with those that the stream gave.
 *
 * @module
 */
import type { FeedBar } from "../feed.ts";
import { CORRECTION_MS, type Track } from "../coverage/track.ts";

/** Bars of history of one symbol, sorted out. */
export interface Compared {
  /** Bars to hand on: those that are not known or not committed yet, or that history has otherwise. */
  readonly news: readonly FeedBar[];
  /** Starts of bars for which history still has what a correction replaced. */
  readonly outdated: readonly number[];
}

const FIELDS = ["open", "high", "low", "close", "volume", "vwap", "trades"] as const;

/** Compares. A bar of history that replaces one of the stream is a correction of it. */
export function compare({ values, corrected, inFlight }: Track, bars: readonly FeedBar[]): Compared {
  const now = performance.now();
  const news: FeedBar[] = [];
  const outdated: number[] = [];
  for (const bar of bars) {
    const known = values.get(bar.ts);
    const correctedAt = corrected.get(bar.ts) ?? -Infinity;
    // Its values are not known here: what the stream said last is believed as long as history may be behind it.
    if (known === undefined && now - correctedAt < CORRECTION_MS) continue;
    corrected.delete(bar.ts);
    if (known === undefined) news.push(bar);
    else if (isSame(bar, known.bar)) {
      // What is on its way to the table may be lost yet: the answer is complete once the bar is there.
      if (inFlight.some(({ ts }) => ts === bar.ts)) news.push(bar);
    } else if (known.bar.status === "correction" && now - known.at < CORRECTION_MS) outdated.push(bar.ts);
    else news.push({ ...bar, status: "correction" });
  }
  return { news, outdated };
}

/** Whether the bars agree; a field that one of them does not have proves nothing. */
function isSame(bar: FeedBar, other: FeedBar): boolean {
  return FIELDS.every((name) => bar[name] === other[name] || bar[name] === undefined || other[name] === undefined);
}
