/**
 * Finds holes that many symbols of a feed share: a minute that one symbol lacks may have had no trades, one that half
 * of the busy ones lack was lost.
 *
 * @module
 */
import type { Track } from "./track.ts";
import { isBusy } from "./urgency.ts";

/** Counts the busy symbols that lack a bar. Times are epoch ms. */
export interface SharedHoles {
  /** A busy symbol lacks the bar before the one that starts at `ts`. */
  found(ts: number): void;
  /** Whether half of the busy symbols lack the bar before the one that starts at `ts`. */
  isShared(ts: number): boolean;
  /** The same, and whether that is new. */
  isNews(ts: number): boolean;
}

/** Most minutes with a count of the busy symbols that lack them. */
const MAX_LACKING = 120;
/** How long the number of busy symbols is cached, in milliseconds. */
const COUNT_MS = 1000;

/** Counts the symbols of the tracks, which may grow. */
export function createSharedHoles(tracks: ReadonlyMap<string, Track>): SharedHoles {
  const lacking = new Map<number, number>();
  let busy = { count: 0, at: -Infinity };
  let newest = -Infinity;

  function countBusy(): number {
    if (performance.now() - busy.at < COUNT_MS) return busy.count;
    let count = 0;
    for (const each of tracks.values()) if (isBusy(each)) count++;
    busy = { count, at: performance.now() };
    return count;
  }

  const isShared = (ts: number) => (lacking.get(ts) ?? 0) * 2 >= Math.max(1, countBusy());

  return {
    found(ts) {
      lacking.set(ts, (lacking.get(ts) ?? 0) + 1);
      if (lacking.size > MAX_LACKING) lacking.delete(lacking.keys().next().value!);
    },
    isShared,
    isNews(ts) {
      if (ts <= newest || !isShared(ts)) return false;
      newest = ts;
      return true;
    },
  };
}
