/**
 * Alpaca's bar, which is the same on the stream and in history.
 *
 * @module
 */
import type { BarStatus } from "../../records/bar.ts";
import { timeParser } from "../../records/time.ts";
import type { FeedBar } from "../live/feed.ts";

const MINUTE_MS = 60_000;
const parseTime = timeParser("iso");

/**
 * Reads a bar: `o`, `h`, `l`, `c`, `v`, its start `t` in RFC 3339, and where the feed gives them the VWAP `vw` and the
 * number of trades `n`. Gives `undefined` for anything that is not as documented.
 */
export function readBar(item: unknown, symbol: unknown, status: BarStatus): FeedBar | undefined {
  const { o, h, l, c, v, t, vw, n } = (item ?? {}) as Record<string, unknown>;
  if (typeof symbol !== "string") return undefined;
  const ts = parseTime(t);
  if (!(ts % MINUTE_MS === 0)) return undefined;
  const isWhole = Number.isFinite(o) && Number.isFinite(h) && Number.isFinite(l) && Number.isFinite(c) &&
    Number.isFinite(v);
  if (!isWhole) return undefined;
  return {
    symbol,
    timeframe: "1m",
    ts,
    open: o as number,
    high: h as number,
    low: l as number,
    close: c as number,
    volume: v as number,
    vwap: Number.isFinite(vw) ? vw as number : undefined,
    trades: Number.isInteger(n) ? n as number : undefined,
    status,
  };
}
