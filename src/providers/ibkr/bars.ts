/**
 * Bars as TWS writes them, and the sizes and durations in which it is asked for them.
 *
 * @module
 */
import type { BarSizeSetting } from "@stoqey/ib";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { FeedBar } from "../live/feed.ts";
import type { FeedClock } from "../live/clock.ts";
import { explainBar } from "../live/transport/message.ts";
import type { Listing } from "./contract.ts";

/** TWS's names of timeframes. It keeps bars from five seconds on up to date; those of a week carry no certain start. */
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

/** Longest break of a market that a night session reaches over, in milliseconds: a Golden Week with its weekends. */
const LONGEST_BREAK_MS = 12 * 24 * HOUR_MS;

/** Whether requests for bars of this length count against the strict limits. */
export const isSmall = (stepMs: number) => stepMs <= SMALL_MS;

/** IBKR keeps bars of up to {@linkcode SMALL_MS} for six months, by its list of unavailable data. */
export const SMALL_REACH_DAYS = 180;

/** Start of the oldest existing bars of this length, in epoch ms; `undefined` where IBKR documents no end. */
export const oldestStart = (stepMs: number) =>
  isSmall(stepMs) ? Math.ceil((Date.now() - SMALL_REACH_DAYS * 24 * HOUR_MS) / stepMs) * stepMs : undefined;

/**
 * How long a subscription looks back: to the last session, where one may, as a request that finds nothing is over with
 * that, and its updates with it.
 */
export const lookBack = (stepMs: number) => isSmall(stepMs) ? "3600 S" : "1 D";

/** `yyyymmdd-hh:mm:ss`, which TWS reads as UTC. */
export function formatEnd(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replaceAll("-", "").replace("T", "-");
}

/** The values of a bar in the order of the fields; −1, nothing, or 2¹²⁷ − 1 is what TWS does not know. */
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
  /** All of it as it came, where some field is no number. */
  readonly text?: string;
}

/**
 * Reads a bar. `undefined` is a time without trades, or a trading day too far ahead of its date to be stored yet; a text
 * says what is wrong.
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
  // Hours begin with their session, at half past; minutes and what is shorter by the clock.
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

/** Whether the bar can change no more, by TWS's clock where that is known. */
export function isOver(bar: FeedBar, clock: FeedClock, graceMs = 0): boolean {
  return bar.ts + TIMEFRAMES.get(bar.timeframe)! + graceMs <= Date.now() + (clock.skewMs() ?? 0);
}

/**
 * Whether a bar of a day comes more than a day before its date begins in UTC. A night session belongs to the next trading
 * day, which may lie beyond a weekend and holidays. The bar comes again with each change until that day is over.
 */
function isEarly(ts: number, date: string): boolean {
  const aheadMs = ts - Date.now();
  return date.length === 8 && aheadMs > 24 * HOUR_MS && aheadMs <= LONGEST_BREAK_MS;
}

/** Start of a bar, in epoch ms; `NaN` where the text is no date of TWS. */
export function readDate(date: string): number {
  if (/^\d{8}$/.test(date)) {
    return Date.UTC(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1, Number(date.slice(6)));
  }
  return /^\d{9,11}$/.test(date) ? Number(date) * 1000 : NaN;
}

/** A number that TWS knows, or `undefined`. */
export const known = (value: number | undefined) =>
  value !== undefined && value >= 0 && value < 2 ** 126 ? value : undefined;
