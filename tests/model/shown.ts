/**
 * What a vendor's history shows of a market, as its misdeeds have it.
 *
 * Each misdeed leaves something to see: a lie contradicts a stored bar, an old value contradicts a stored correction. What
 * nobody could find out is no test of anything.
 *
 * @module
 */
import type { FeedBar } from "../../src/providers/live/feed.ts";
import type { Bar } from "../../src/records/bar.ts";
import { type Market, MINUTE } from "./market.ts";
import type { Misdeeds } from "./plan.ts";
import { isIn } from "./streamed.ts";

/** What history is made of. */
export interface ShownOptions {
  /** The true time, in epoch ms. */
  now: () => number;
  market: Market;
  misdeeds: Misdeeds;
  /** The stored row of a bar. */
  stored: (symbol: string, ts: number) => Bar | undefined;
}

/** How long history may have what a correction replaced: after two hours nobody tells it from a later correction. */
const STALE_MS = 90 * MINUTE;

/** Gives the bars that history shows of a symbol now, from a start on and before another (epoch ms). */
export type Shown = (symbol: string, from: number, to: number) => FeedBar[];

/** See the module's description. */
export function createShown({ now: trueNow, market, misdeeds, stored }: ShownOptions): Shown {
  return (symbol, from, to) => {
    const now = trueNow();
    const behind = misdeeds.lags.filter((lag) => isIn([lag], now, symbol)).map(({ ms }) => ms);
    const reach = now - Math.max(0, ...behind);
    const bars: FeedBar[] = [];
    for (const [ts, states] of market.get(symbol) ?? []) {
      if (ts < from || ts >= to || ts + MINUTE > reach) continue;
      const known = states.filter(({ at }) => at <= now);
      const isStale = isIn(misdeeds.stale, now) && now < states.at(-1)!.at + STALE_MS &&
        stored(symbol, ts)?.volume === states.at(-1)!.bar.volume &&
        stored(symbol, ts)?.status === "correction";
      const state = isStale ? known[0] : known.at(-1);
      if (state !== undefined) bars.push({ ...state.bar, status: "final" });
    }
    const lie = misdeeds.lies.find((each) => isIn([each], now, symbol));
    if (lie === undefined) return bars;
    const isStored = ({ symbol, ts }: FeedBar) => stored(symbol, ts) !== undefined;
    // Half of them hide what is on the one side of a hole, and half of them what is on the other.
    const kind = lie.kind === "holed" && Math.floor(lie.from) % 2 === 0 ? "holed before" : lie.kind;
    const areStored = bars.map(isStored);
    const kept = bars.filter((_, at) => !isLeftOut(kind, areStored, at));
    return bars.some((bar) => isStored(bar) && !kept.includes(bar)) ? kept : bars;
  };
}

function isLeftOut(
  kind: Misdeeds["lies"][number]["kind"] | "holed before",
  areStored: readonly boolean[],
  at: number,
): boolean {
  switch (kind) {
    case "empty":
      return true;
    case "cut":
      return at >= areStored.length / 2;
    case "holed":
      // What was not streamed, and the bar after it.
      return !areStored[at] || areStored[at - 1] === false;
    case "holed before":
      // What was not streamed, and the bar before it.
      return !areStored[at] || areStored[at + 1] === false;
  }
}
