/**
 * Builds bars of a timeframe from bars of five seconds, which TWS sends at their end.
 *
 * @module
 */
import type { FeedBar } from "../live/feed.ts";

/** Length of TWS's real-time bars, in milliseconds. */
export const PART_MS = 5_000;
/** Longest bars that can be built, as they begin by the clock; hours begin with their session. */
const LONGEST_MS = 30 * 60_000;

/** Whether bars of that length can be built. */
export const isBuildable = (stepMs: number) => stepMs <= LONGEST_MS;

/** Builds the bars of one subscription. */
export interface Builder {
  /** Adds the part that starts at `ts` (epoch ms): its bar, or `undefined` without trades. */
  add(ts: number, part: FeedBar | undefined): void;
}

/** Options of {@linkcode createBuilder}. */
export interface BuilderOptions {
  timeframe: string;
  stepMs: number;
  /** Called with the state of a bar after each part that changes it, except the last. */
  state: (bar: FeedBar) => void;
  /** Called with a bar after its last part. */
  whole: (bar: FeedBar) => void;
  /** Called with the range of bars with missing parts, from `from` to before `to` (epoch ms), once they have ended. */
  partial: (from: number, to: number) => void;
}

/** A bar with some of its parts. */
interface Forming {
  readonly start: number;
  bar?: FeedBar;
  /** Price times volume; `NaN` if a part with volume has no average price. */
  turnover: number;
  isPartial: boolean;
}

/**
 * Creates a builder. The forming bar at the subscription is left to history, as its first parts never come. A later bar
 * that lacks parts is made of the others.
 */
export function createBuilder({ timeframe, stepMs, state, whole, partial }: BuilderOptions): Builder {
  let forming: Forming | undefined;
  /** Start of the next part. */
  let next: number | undefined;
  /** Start of the first bar to build. */
  let first = 0;

  const floor = (ms: number) => Math.floor(ms / stepMs) * stepMs;

  return {
    add(ts, part) {
      // The part has come before.
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
