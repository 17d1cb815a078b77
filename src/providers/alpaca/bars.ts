/**
 * Alpaca's bar, which is the same on the stream and in history.
 *
 * @module
 */
import type { BarStatus } from "../../records/bar.ts";
import { timeParser } from "../../records/time.ts";
import type { FeedBar } from "../live/feed.ts";
import { isAbsentOrNumber } from "../live/transport/message.ts";

const MINUTE_MS = 60_000;
const parseTime = timeParser("iso");

/**
 * Reads a bar: `o`, `h`, `l`, `c`, `v`, its start `t` in RFC 3339, and optionally the VWAP `vw` and the number of
 * trades `n`. Returns the problem as text for any other item.
 */
export function readBar(item: unknown, symbol: unknown, status: BarStatus, timeframe = "1m"): FeedBar | string {
  const { o, h, l, c, v, t, vw, n } = (item ?? {}) as Record<string, unknown>;
  const ts = parseTime(t);
  // JSON has no NaN, but 1e999 is read as infinite.
  const isWhole = typeof symbol === "string" && Number.isFinite(o) && Number.isFinite(h) && Number.isFinite(l) &&
    Number.isFinite(c) && Number.isFinite(v) && isAbsentOrNumber(vw) && isAbsentOrNumber(n) && !Number.isNaN(ts);
  if (!isWhole) return "bar is not as documented";
  if (ts % MINUTE_MS !== 0) return `bar is not of ${timeframe}`;
  return {
    symbol,
    timeframe,
    ts,
    open: o as number,
    high: h as number,
    low: l as number,
    close: c as number,
    volume: v as number,
    vwap: vw ?? undefined,
    trades: n ?? undefined,
    status,
  };
}
