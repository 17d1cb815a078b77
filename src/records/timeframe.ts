/**
 * Timeframes: how long one bar lasts.
 *
 * @module
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The known timeframes and their length in milliseconds. */
export const TIMEFRAMES: ReadonlyMap<string, number> = new Map([
  ["1s", SECOND],
  ["5s", 5 * SECOND],
  ["10s", 10 * SECOND],
  ["15s", 15 * SECOND],
  ["30s", 30 * SECOND],
  ["1m", MINUTE],
  ["2m", 2 * MINUTE],
  ["3m", 3 * MINUTE],
  ["5m", 5 * MINUTE],
  ["10m", 10 * MINUTE],
  ["15m", 15 * MINUTE],
  ["30m", 30 * MINUTE],
  ["1h", HOUR],
  ["2h", 2 * HOUR],
  ["4h", 4 * HOUR],
  ["6h", 6 * HOUR],
  ["8h", 8 * HOUR],
  ["12h", 12 * HOUR],
  ["1d", DAY],
  ["1w", 7 * DAY],
]);

/** The default timeframe. */
export const DEFAULT_TIMEFRAME = "1m";
