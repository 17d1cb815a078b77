/**
 * Klines, Binance's bars: on the stream, with a flag for finished ones, and as rows of history.
 *
 * @module
 */
import { parseDecimal } from "../../records/number.ts";
import type { FeedClock } from "../live/clock.ts";
import type { FeedBar } from "../live/feed.ts";
import { explainBar } from "../live/transport/message.ts";

/** The series of the klines. */
export interface KlineSeries {
  readonly timeframe: string;
  /** Length of the timeframe, in milliseconds. */
  readonly stepMs: number;
  readonly clock?: FeedClock;
}

/** A kline of the stream. */
export interface Kline {
  readonly bar: FeedBar;
  readonly isOver: boolean;
  /** Whether it has trades: a kline without any is not a bar. */
  readonly isTraded: boolean;
}

const UNDOCUMENTED = "kline is not as documented";

/** Reads the `k` of a message: numbers are text, times in ms, `x` marks a finished bar. Returns the problem as text. */
export function readKline(k: unknown, series: KlineSeries): Kline | string {
  const { s, i, t, T, o, h, l, c, v, q, n, x } = (k ?? {}) as Record<string, unknown>;
  if (typeof s !== "string" || typeof i !== "string" || typeof x !== "boolean") return UNDOCUMENTED;
  if (i !== series.timeframe) return `kline is not of ${series.timeframe}`;
  if (typeof t === "number") series.clock?.barEnded(s, x ? t + series.stepMs : t);
  const bar = makeBar(s, [t, o, h, l, c, v, T, q, n], series);
  if (typeof bar === "string") return bar;
  return { bar, isOver: x, isTraded: bar.trades !== 0 };
}

/** Reads a row of history, `[start, "o", "h", "l", "c", "v", end, "quote volume", trades, …]`. */
export function readRow(row: unknown, symbol: string, series: KlineSeries): FeedBar | string {
  return Array.isArray(row) ? makeBar(symbol, row, series) : UNDOCUMENTED;
}

function makeBar(
  symbol: string,
  fields: readonly unknown[],
  { timeframe, stepMs, clock }: KlineSeries,
): FeedBar | string {
  const [start, o, h, l, c, v, end, q, trades] = fields;
  if (typeof start !== "number" || typeof end !== "number" || typeof trades !== "number") return UNDOCUMENTED;
  const texts = [o, h, l, c, v, q];
  if (!texts.every((text) => typeof text === "string")) return UNDOCUMENTED;
  const [open, high, low, close, volume, quoted] = texts.map(parseDecimal);
  if (!Number.isFinite(open + high + low + close + volume + quoted)) return UNDOCUMENTED;
  // Weeks start on Mondays, unlike multiples of a week since 1970, so the check is by days.
  if (end !== start + stepMs - 1 || start % Math.min(stepMs, 86_400_000) !== 0) return `kline is not of ${timeframe}`;
  const bar: FeedBar = { symbol, timeframe, ts: start, open, high, low, close, volume, trades, status: "final" };
  const unsound = explainBar(bar, clock);
  if (unsound !== undefined || volume === 0) return unsound ?? bar;
  // Money divided by volume; rounding may put the quotient outside the range.
  const vwap = quoted / volume;
  if (!(vwap >= low * (1 - 1e-6) && vwap <= high * (1 + 1e-6))) {
    return "kline's quote volume does not go with its prices";
  }
  return { ...bar, vwap: Math.min(high, Math.max(low, vwap)) };
}
