/**
 * Determines the range and the calendar by which a series is checked.
 *
 * @module
 */
import type { Calendar } from "../calendar/mod.ts";
import { calendarOf, declarationOf } from "../providers/mod.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";
import type { StoredSeries } from "./series.ts";

/** The expected bars of a series. */
export interface Scope {
  readonly calendar: Calendar;
  /** Length of a bar, in milliseconds. */
  readonly stepMs: number;
  /** Bars that start at or after it, in epoch ms. */
  readonly from: number;
  /** Bars that start before it, in epoch ms. */
  readonly to: number;
  /** Doubts that begin before it, in epoch ms: a feed knows lost bars before history is expected to have them. */
  readonly doubtsTo: number;
}

/** The requested range, in epoch ms. */
export interface RequestedRange {
  readonly from?: number;
  readonly to?: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Begin of the calendars. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
/** How long after its end a bar is stored normally, beyond the provider's delay. */
const LAG_MS = 2 * MINUTE_MS;

/** The scope of a series, or why it cannot be checked. */
export function scopeOf(series: StoredSeries, requested: RequestedRange, now = Date.now()): Scope | string {
  const { provider, symbol, timeframe } = series;
  const calendar = calendarOf(provider, symbol);
  if (calendar === undefined) return "no calendar is known of its market";
  const stepMs = TIMEFRAMES.get(timeframe);
  if (stepMs === undefined) return "its timeframe is not known";
  const isAligned = stepMs <= HOUR_MS || stepMs === DAY_MS || (calendar.name === "24/7" && stepMs < DAY_MS);
  if (!isAligned) return `when bars of ${timeframe} start is up to their source`;
  const over = (ms: number) => Math.floor(ms / stepMs) * stepMs;
  return {
    calendar,
    stepMs,
    from: Math.max(requested.from ?? series.first, EARLIEST_MS),
    to: Math.min(requested.to ?? defaultEnd(series, stepMs, now), over(now)),
    doubtsTo: requested.to ?? Infinity,
  };
}

function defaultEnd({ provider, newest }: StoredSeries, stepMs: number, now: number): number {
  // Files and the mock do not continue by themselves: no bar after the newest one is missing.
  const declaration = declarationOf(provider);
  if (!declaration?.history) return newest + 1;
  return Math.floor((now - LAG_MS - declaration.delayMs) / stepMs) * stepMs;
}
