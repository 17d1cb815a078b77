/**
 * Bars in the notation of TWS, and the sizes and durations of requests.
 *
 * @module
 */
import type { BarSizeSetting } from "@stoqey/ib";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { FeedBar } from "../live/feed.ts";
import type { FeedClock } from "../live/clock.ts";
import { explainBar } from "../live/transport/message.ts";
import type { Listing } from "./contract.ts";

/**
 * TWS's names of timeframes. It keeps bars of five seconds and longer up to date; the start of a bar of a week is
 * uncertain.
 */
export const BAR_SIZES: ReadonlyMap<string, BarSizeSetting> = new Map([
  ...["5s", "10s", "15s", "30s"].map((name) => [name, name.replace("s", " secs")]),
  ["1m", "1 min"],
  ...["2m", "3m", "5m", "10m", "15m", "30m"].map((name) => [name, name.replace("m", " mins")]),
  ["1h", "1 hour"],
  ...["2h", "4h", "8h"].map((name) => [name, name.replace("h", " hours")]),
  ["1d", "1 day"],
] as [string, BarSizeSetting][]);

/** Bars up to this length are paced strictly, in milliseconds. */
export const SMALL_MS = 30_000;
const HOUR_MS = 3_600_000;

/** Longest break of a market that a night session spans, in milliseconds: a Golden Week with its weekends. */
const LONGEST_BREAK_MS = 12 * 24 * HOUR_MS;

/** Whether requests for bars of this length count against the strict limits. */
export const isSmall = (stepMs: number) => stepMs <= SMALL_MS;

/** IBKR keeps bars of up to {@linkcode SMALL_MS} for six months, by its list of unavailable data. */
export const SMALL_REACH_DAYS = 180;

/** Start of the oldest existing bars of this length, in epoch ms; `undefined` if IBKR documents no end. */
export const oldestStart = (stepMs: number) =>
  isSmall(stepMs) ? Math.ceil((Date.now() - SMALL_REACH_DAYS * 24 * HOUR_MS) / stepMs) * stepMs : undefined;

/**
 * How far a subscription looks back: to the last session if possible, as TWS ends a request that finds nothing, and its
 * updates with it.
 */
export const lookBack = (stepMs: number) => isSmall(stepMs) ? "3600 S" : "1 D";

/** `yyyymmdd-hh:mm:ss`, which TWS reads as UTC. */
export function formatEnd(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replaceAll("-", "").replace("T", "-");
}

/** The values of a bar in the order of the fields; TWS writes −1, nothing, or 2¹²⁷ − 1 for an unknown value. */
export interface RawBar {
  /** Epoch seconds of the start, or `yyyymmdd` for bars of a day. */
  readonly date: string;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume?: number;
  readonly count?: number;
  readonly wap?: number;
  /** The original text, if some field is not a number. */
  readonly text?: string;
}

/**
 * Reads a bar. `undefined` for a time without trades, or a trading day too far ahead of its date to be stored yet; a
 * text describes a problem.
 */
export function readBar(
  raw: RawBar,
  listing: Listing,
  timeframe: string,
  clock?: FeedClock,
): FeedBar | undefined | string {
  const { open, high, low, close } = raw;
  const ts = readDate(raw.date);
  if (Number.isNaN(ts)) return "date of a bar is not as documented";
  if (isEarly(ts, raw.date)) return undefined;
  if (![open, high, low, close].every(Number.isFinite)) return "price of a bar is no number";
  const volume = known(raw.volume) ?? 0;
  const trades = known(raw.count);
  // TWS fills minutes without trades with the last price.
  if (listing.hasVolume && volume === 0 && (trades ?? 0) === 0) return undefined;
  // Hours begin with their session, at half past; minutes and shorter bars by the clock.
  if (ts % Math.min(TIMEFRAMES.get(timeframe)!, 60_000) !== 0) return `bar is not of ${timeframe}`;
  const vwap = known(raw.wap);
  const bar: FeedBar = {
    symbol: listing.symbol,
    timeframe,
    ts,
    ...{ open, high, low, close, volume },
    ...(!listing.hasVolume || vwap === undefined || vwap === 0 ? {} : { vwap }),
    ...(!listing.hasVolume || trades === undefined ? {} : { trades }),
    status: "final",
  };
  return explainBar(bar, clock) ?? bar;
}

/** Whether the bar can no longer change, by TWS's clock if it is known. */
export function isOver(bar: FeedBar, clock: FeedClock, graceMs = 0): boolean {
  return bar.ts + TIMEFRAMES.get(bar.timeframe)! + graceMs <= Date.now() + (clock.skewMs() ?? 0);
}

/**
 * Whether a bar of a day comes more than a day before its date begins in UTC. A night session belongs to the next
 * trading day, which may lie beyond a weekend and holidays. The bar comes again with each change until that day has
 * ended.
 */
function isEarly(ts: number, date: string): boolean {
  const aheadMs = ts - Date.now();
  return date.length === 8 && aheadMs > 24 * HOUR_MS && aheadMs <= LONGEST_BREAK_MS;
}

/** Start of a bar, in epoch ms; `NaN` if the text is not a date of TWS. */
export function readDate(date: string): number {
  if (/^\d{8}$/.test(date)) {
    return Date.UTC(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1, Number(date.slice(6)));
  }
  return /^\d{9,11}$/.test(date) ? Number(date) * 1000 : NaN;
}

/** The number, or `undefined` for TWS's unknown values. */
export const known = (value: number | undefined) =>
  value !== undefined && value >= 0 && value < 2 ** 126 ? value : undefined;
