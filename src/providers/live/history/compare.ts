/**
 * Compares bars of history with those of the stream.
 *
 * @module
 */
import type { FeedBar } from "../feed.ts";
import type { Track } from "../coverage/track.ts";
import { CORRECTION_MS, knownBar } from "../coverage/values.ts";

/** The result of comparing bars of history of one symbol. */
export interface Compared {
  /** Bars to hand on: unknown or uncommitted ones, and those with other values. */
  readonly news: readonly FeedBar[];
  /** Starts of bars for which history still has the values before a correction. */
  readonly outdated: readonly number[];
}

/** Compares. A bar of history that replaces one of the stream is a correction of it. */
export function compare({ values, corrected, inFlight }: Track, bars: readonly FeedBar[]): Compared {
  const now = performance.now();
  const news: FeedBar[] = [];
  const outdated: number[] = [];
  for (const bar of bars) {
    const known = knownBar(values, bar.ts);
    const correctedAt = corrected?.get(bar.ts) ?? -Infinity;
    // Its values are unknown here: the stream's last ones are believed as long as history may be behind them.
    if (known === undefined && now - correctedAt < CORRECTION_MS) continue;
    corrected?.delete(bar.ts);
    if (known === undefined) news.push(bar);
    else if (known.isSame(bar)) {
      // A bar on its way to the table may still be lost: the answer is complete once it is stored. A plain bar that
      // came after a higher-ranking row has not replaced it, but history's does.
      if (known.isOutranked || inFlight.some(({ ts }) => ts === bar.ts)) news.push(bar);
    } else if (known.isCorrection && now - known.at < CORRECTION_MS) outdated.push(bar.ts);
    else news.push({ ...bar, status: "correction" });
  }
  return { news, outdated };
}
