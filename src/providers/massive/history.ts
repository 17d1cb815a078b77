/**
 * Massive's history: REST `aggs`.
 *
 * @module
 */
import { explainAhead } from "../live/clock.ts";
import type { FeedBar } from "../live/feed.ts";
import { isAbsentOrNumber } from "../live/transport/message.ts";
import { createRowReader } from "../live/transport/rows.ts";
import { readVolume } from "./frame.ts";
import { type PageOptions, readPages } from "./pages.ts";

/** The range to read, and the endpoint. */
export interface HistoryOptions extends PageOptions {
  symbol: string;
  timeframe: string;
  /** Length of the timeframe, in milliseconds. */
  stepMs: number;
  /** Start of the first bar, in epoch ms. */
  from: number;
  /** Bars start before it, in epoch ms. */
  to: number;
}

const DAY_MS = 24 * 60 * 60_000;
const HOUR_MS = 60 * 60_000;
/**
 * The request for each timeframe, and the longest range of one query. Massive advises a month of minutes, the source of
 * longer bars; a day of seconds is about as much. Days are those of New York.
 */
export const HISTORY_TIMEFRAMES: ReadonlyMap<string, { range: string; rangeMs: number }> = new Map([
  ["1s", { range: "1/second", rangeMs: DAY_MS }],
  ...[1, 2, 3, 5, 10, 15, 30].map((count): [string, { range: string; rangeMs: number }] => {
    return [`${count}m`, { range: `${count}/minute`, rangeMs: 30 * DAY_MS }];
  }),
  ["1h", { range: "1/hour", rangeMs: 30 * DAY_MS }],
  ["1d", { range: "1/day", rangeMs: 3650 * DAY_MS }],
]);
/** Most bars of a page, counted in the minutes or seconds that longer bars consist of. */
const LIMIT = 50_000;

/** Reads bars from `from` on and before `to`, in order. */
export async function* readHistory(options: HistoryOptions): AsyncGenerator<readonly FeedBar[]> {
  const { from, to, stepMs, timeframe } = options;
  const { range, rangeMs } = HISTORY_TIMEFRAMES.get(timeframe)!;
  const reader = createRowReader((row) => readRow(row, options));
  const first = Math.ceil(from / stepMs) * stepMs;
  for (let start = first; start < to; start += rangeMs) {
    const end = Math.min(start + rangeMs, to);
    // Both ends are inclusive. Adjusted prices would not fit those of the stream after a split.
    const path = `/v2/aggs/ticker/${encodeURIComponent(options.symbol)}/range/${range}/${start}/${end - 1}` +
      `?adjusted=false&sort=asc&limit=${LIMIT}`;
    for await (const rows of readPages(path, { ...options, isCounted: true })) {
      yield reader.read(options.symbol, rows).filter(({ ts }) => ts >= start && ts < end);
    }
  }
  reader.finish();
}

/** `t` is the bar's start in ms, `n` the number of trades. A text describes a problem. */
export function readRow(
  row: unknown,
  { symbol, timeframe, stepMs, clock }: Pick<HistoryOptions, "symbol" | "timeframe" | "stepMs" | "clock">,
): FeedBar | string {
  const { t, o, h, l, c, v, dv, vw, n } = (row ?? {}) as Record<string, unknown>;
  const isWhole = [t, o, h, l, c, v].every(Number.isFinite) && isAbsentOrNumber(vw) && isAbsentOrNumber(n);
  if (!isWhole) return "bar is not as documented";
  const numbers = { ts: t, open: o, high: h, low: l, close: c, volume: readVolume(v as number, dv) } as Record<
    "ts" | "open" | "high" | "low" | "close" | "volume",
    number
  >;
  if (Number.isNaN(numbers.volume)) return "bar is not as documented";
  if (numbers.ts % Math.min(stepMs, HOUR_MS) !== 0) return `bar is not of ${timeframe}`;
  const ahead = explainAhead(numbers.ts, stepMs, clock);
  if (ahead !== undefined) return ahead;
  return { symbol, timeframe, ...numbers, vwap: vw ?? undefined, trades: n ?? undefined, status: "final" };
}
