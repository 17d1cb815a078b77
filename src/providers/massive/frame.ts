/**
 * Frames of Massive's socket: arrays of aggregates and statuses, in any mixture.
 *
 * @module
 */
import { parseDecimal } from "../../records/number.ts";
import type { Rejected } from "../../records/frame.ts";
import { explainAhead, type FeedClock } from "../live/clock.ts";
import type { FeedBar } from "../live/feed.ts";
import { excerpt, isAbsentOrNumber, parseMessage } from "../live/transport/message.ts";

/** A message of the server about the connection or a subscription. */
export interface Status {
  readonly status: string;
  readonly message: string;
}

/** The content of one frame. */
export interface MassiveFrame {
  readonly bars: readonly FeedBar[];
  readonly statuses: readonly Status[];
  readonly rejected: readonly Rejected[];
}

/** The series of the frames. */
export interface MassiveSeries {
  readonly timeframe: string;
  /** Length of the timeframe, in milliseconds. */
  readonly stepMs: number;
  /** `AM` or `A`. */
  readonly channel: string;
  readonly clock?: FeedClock;
  /** Records a bar, and returns whether its start was known; `undefined` for a symbol that was not requested. */
  note(symbol: string, ts: number): boolean | undefined;
}

/** Reads a frame. It rejects malformed items one by one, and skips kinds of messages that were not requested. */
export function readFrame(text: string, series: MassiveSeries): MassiveFrame {
  const bars: FeedBar[] = [];
  const statuses: Status[] = [];
  const rejected: Rejected[] = [];
  const { value: items, problem = "message is not an array" } = parseMessage(text);
  if (!Array.isArray(items)) return { bars, statuses, rejected: [{ item: excerpt(text), reason: problem }] };
  for (const item of items) {
    const ev = item?.ev;
    if (ev === series.channel) {
      const bar = readBar(item, series);
      if (typeof bar === "string") rejected.push({ item, reason: bar });
      else bars.push(bar);
    } else if (ev === "status") {
      const { status, message = "" } = item;
      if (typeof status === "string" && typeof message === "string") statuses.push({ status, message });
      else rejected.push({ item, reason: "status is not as documented" });
    } else if (typeof ev !== "string") rejected.push({ item, reason: "message has no kind" });
  }
  return { bars, statuses, rejected };
}

/**
 * The volume with its fractions: `v` is whole on the stream, and newer messages also have it as a decimal text in `dv`,
 * which agrees with history. (A numeric `dv` is the dollar volume of futures.)
 */
export function readVolume(v: number, dv: unknown): number {
  return typeof dv === "string" ? parseDecimal(dv) : v;
}

/**
 * The bar, or its problem as text. `s` and `e` are start and end in ms, `vw` is the VWAP of the bar (`a` that of the
 * day).
 */
function readBar(item: Record<string, unknown>, series: MassiveSeries): FeedBar | string {
  const { sym, s, e, o, h, l, c, v, dv, vw } = item;
  const { timeframe, stepMs, clock } = series;
  // JSON has no NaN, but 1e999 is read as infinite.
  if (
    typeof sym !== "string" || typeof s !== "number" || typeof e !== "number" || !Number.isFinite(o) ||
    !Number.isFinite(h) || !Number.isFinite(l) || !Number.isFinite(c) || !Number.isFinite(v) || !isAbsentOrNumber(vw)
  ) return "bar is not as documented";
  const volume = readVolume(v as number, dv);
  if (Number.isNaN(volume)) return "bar is not as documented";
  if (e - s !== stepMs || s % stepMs !== 0) return `bar is not of ${timeframe}`;
  clock?.barEnded(sym, e);
  // A bar ahead of time must not count as the newest: every true bar would be a correction.
  const ahead = explainAhead(s, stepMs, clock);
  if (ahead !== undefined) return ahead;
  const isAgain = series.note(sym, s);
  if (isAgain === undefined) return "symbol is not subscribed";
  return {
    symbol: sym,
    timeframe,
    ts: s,
    open: o as number,
    high: h as number,
    low: l as number,
    close: c as number,
    volume,
    vwap: vw ?? undefined,
    // By the specification, a bar replaces an earlier one with the same start.
    status: isAgain ? "correction" : "final",
  };
}
