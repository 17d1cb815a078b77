/**
 * Reads Kraken's bars, from the stream and from the rows of `OHLC`.
 *
 * @module
 */
import { parseDecimal } from "../../records/number.ts";
import { parseIso } from "../../records/time.ts";
import type { FeedClock } from "../live/clock.ts";
import type { FeedBar } from "../live/feed.ts";
import { explainBar, isAbsentOrNumber } from "../live/transport/message.ts";

/** The series of the bars. */
export interface KrakenSeries {
  readonly timeframe: string;
  /** Length of the timeframe, in milliseconds. */
  readonly stepMs: number;
  readonly clock?: FeedClock;
}

const UNDOCUMENTED = "bar is not as documented";
/** Weeks need not begin with a multiple of a week since 1970, so the check is by days. */
const DAY_MS = 86_400_000;

/** Reads an item of a message, or returns its problem as text. */
export function readBar(item: unknown, { timeframe, stepMs, clock }: KrakenSeries): FeedBar | string {
  const { symbol, open, high, low, close, volume, vwap, trades, interval_begin, interval } = (item ?? {}) as Record<
    string,
    unknown
  >;
  if (typeof symbol !== "string" || typeof interval_begin !== "string") return UNDOCUMENTED;
  const ts = parseIso(interval_begin);
  if (Number.isNaN(ts) || !isAbsentOrNumber(vwap) || !isAbsentOrNumber(trades)) return UNDOCUMENTED;
  const prices = { open, high, low, close, volume } as Prices;
  if (!Object.values(prices).every(Number.isFinite)) return UNDOCUMENTED;
  const isOther = interval !== undefined && interval !== stepMs / 60_000;
  if (isOther || ts % Math.min(stepMs, DAY_MS) !== 0) return `bar is not of ${timeframe}`;
  const optional = { vwap: vwap ?? undefined, trades: trades ?? undefined };
  const bar: FeedBar = { symbol, timeframe, ts, ...prices, ...optional, status: "final" };
  // It may be forming, and earlier ones have ended.
  clock?.barEnded(symbol, ts);
  return explainBar(bar, clock) ?? bar;
}

type Prices = Record<"open" | "high" | "low" | "close" | "volume", number>;

/**
 * Reads `[time, "open", "high", "low", "close", "vwap", "volume", count]`, time in seconds, or returns the problem as
 * text. A time without trades may come as a flat row without volume, which is not a bar, as on the stream.
 */
export function readRow(
  row: unknown,
  symbol: string,
  { timeframe, stepMs, clock }: KrakenSeries,
): FeedBar | undefined | string {
  if (!Array.isArray(row)) return UNDOCUMENTED;
  const [time, o, h, l, c, w, v, trades] = row as unknown[];
  if (typeof time !== "number" || typeof trades !== "number") return UNDOCUMENTED;
  const [open, high, low, close, vwap, volume] = [o, h, l, c, w, v].map(parseDecimal);
  if (!Number.isFinite(open + high + low + close + vwap + volume)) return UNDOCUMENTED;
  const ts = time * 1000;
  if (ts % Math.min(stepMs, DAY_MS) !== 0) return `bar is not of ${timeframe}`;
  if (trades === 0 && volume === 0) return undefined;
  const bar: FeedBar = { symbol, timeframe, ts, open, high, low, close, volume, vwap, trades, status: "final" };
  return explainBar(bar, clock) ?? bar;
}
