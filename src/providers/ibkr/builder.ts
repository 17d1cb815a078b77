/**
 * Builds bars of a timeframe from the bars of five seconds that TWS sends as they end.
 *
 * @module
 */
import type { FeedBar } from "../live/feed.ts";

/** Length of TWS's real-time bars, in milliseconds. */
export const PART_MS = 5_000;
/** Longest bars that begin by the clock, so that they can be built; those of hours begin with their session. */
const LONGEST_MS = 30 * 60_000;

/** Whether bars of that length can be built. */
export const isBuildable = (stepMs: number) => stepMs <= LONGEST_MS;

/** Builds the bars of one subscription. */
export interface Builder {
  /** Takes the part that starts at `ts` (epoch ms): its bar, or `undefined` where nothing was traded. */
  add(ts: number, part: FeedBar | undefined): void;
}

/** Options of {@linkcode createBuilder}. */
export interface BuilderOptions {
  timeframe: string;
  stepMs: number;
  /** Takes the state of a bar after each part that changes it, but the last. */
  state: (bar: FeedBar) => void;
  /** Takes a bar after its last part. */
  whole: (bar: FeedBar) => void;
  /** Called with the range of bars with missing parts, from `from` to before `to` (epoch ms), once they are over. */
  partial: (from: number, to: number) => void;
}

/** A bar with some of its parts. */
interface Forming {
  readonly start: number;
  bar?: FeedBar;
  /** Price times volume; `NaN` where a part with volume has no average price. */
  turnover: number;
  isPartial: boolean;
}

/**
 * Makes a builder. The bar that forms at the subscription is left to history, as its first parts never come. A later
 * one that lacks parts is made of the others.
 */
export function createBuilder({ timeframe, stepMs, state, whole, partial }: BuilderOptions): Builder {
  let forming: Forming | undefined;
  /** Start of the part that is to come next. */
  let next: number | undefined;
  /** Start of the first bar that is built. */
  let first = 0;

  const floor = (ms: number) => Math.floor(ms / stepMs) * stepMs;

  return {
    add(ts, part) {
      // One that came before.
      if (next !== undefined && ts < next) return;
      const start = floor(ts);
      const isLate = ts > start && (next === undefined || ts > next);
      if (next === undefined) first = isLate ? start + stepMs : start;
      else if (ts > next && floor(next) < start) partial(floor(next), start);
      next = ts + PART_MS;
      if (start < first) return;
      if (forming?.start !== start) forming = { start, turnover: 0, isPartial: false };
      forming.isPartial ||= isLate;
      if (part !== undefined) {
        forming.turnover += part.volume === 0 ? 0 : part.volume * (part.vwap ?? NaN);
        forming.bar = join(forming, part, timeframe);
        if (next < start + stepMs) state(forming.bar);
      }
      if (next < start + stepMs) return;
      if (forming.bar !== undefined) whole(forming.bar);
      if (forming.isPartial) partial(start, next);
    },
  };
}

function join({ start, bar, turnover }: Forming, part: FeedBar, timeframe: string): FeedBar {
  const volume = (bar?.volume ?? 0) + part.volume;
  const vwap = turnover / volume;
  const trades = bar !== undefined && bar.trades === undefined || part.trades === undefined
    ? undefined
    : (bar?.trades ?? 0) + part.trades;
  return {
    symbol: part.symbol,
    timeframe,
    ts: start,
    open: bar?.open ?? part.open,
    high: Math.max(bar?.high ?? -Infinity, part.high),
    low: Math.min(bar?.low ?? Infinity, part.low),
    close: part.close,
    volume,
    ...(Number.isFinite(vwap) ? { vwap } : {}),
    ...(trades === undefined ? {} : { trades }),
    status: "final",
  };
}
