/**
 * Massive's history: REST `aggs`.
 *
 * @module
 */
import type { TokenBucket } from "../../pipeline/rate.ts";
import { type FeedBar, FeedError } from "../live/feed.ts";
import { isAbsentOrNumber } from "../live/message.ts";
import { type CallOutcome, getJson } from "../live/rest.ts";
import { createRowReader } from "../live/rows.ts";
import { errorWithoutKey } from "../live/key.ts";

/** What to read, and how. */
export interface HistoryOptions {
  symbol: string;
  timeframe: string;
  /** Length of the timeframe, in milliseconds. */
  stepMs: number;
  /** Start of the first bar, in epoch ms. */
  from: number;
  /** Bars start before it, in epoch ms. */
  to: number;
  signal: AbortSignal;
  key: string;
  restUrl: string;
  bucket: TokenBucket;
  backoffMs?: number;
  onCall: (outcome: CallOutcome) => void;
}

const DAY_MS = 24 * 60 * 60_000;
const HOUR_MS = 60 * 60_000;
/**
 * How timeframes are asked for, and the longest range of one query. A month of minutes, of which longer bars are made, is
 * advised; a day of seconds is about as much. Days are those of New York.
 */
export const HISTORY_TIMEFRAMES: ReadonlyMap<string, { range: string; rangeMs: number }> = new Map([
  ["1s", { range: "1/second", rangeMs: DAY_MS }],
  ...[1, 2, 3, 5, 10, 15, 30].map((count): [string, { range: string; rangeMs: number }] => {
    return [`${count}m`, { range: `${count}/minute`, rangeMs: 30 * DAY_MS }];
  }),
  ["1h", { range: "1/hour", rangeMs: 30 * DAY_MS }],
  ["1d", { range: "1/day", rangeMs: 3650 * DAY_MS }],
]);
/** Most that a page holds, counted in the bars that others are made of. */
const LIMIT = 50_000;

/** Reads bars from `from` on and before `to`, in order. */
export async function* readHistory(options: HistoryOptions): AsyncGenerator<readonly FeedBar[]> {
  const { from, to, stepMs, timeframe, restUrl } = options;
  const { range, rangeMs } = HISTORY_TIMEFRAMES.get(timeframe)!;
  const reader = createRowReader((row) => readRow(row, options));
  const first = Math.ceil(from / stepMs) * stepMs;
  for (let start = first; start < to; start += rangeMs) {
    const end = Math.min(start + rangeMs, to);
    // Both ends are inclusive. Adjusted prices would not go with those of the stream after a split.
    let url: string | undefined = `${restUrl}/v2/aggs/ticker/${encodeURIComponent(options.symbol)}/range/${range}/` +
      `${start}/${end - 1}?adjusted=false&sort=asc&limit=${LIMIT}`;
    while (url !== undefined) {
      const { rows, next } = await readPage(url, options);
      yield reader.read(options.symbol, rows).filter(({ ts }) => ts >= start && ts < end);
      if (next === url) throw new FeedError("Massive's history leads from a page to itself", { reason: "history" });
      url = next;
    }
  }
  reader.finish();
}

async function readPage(url: string, options: HistoryOptions): Promise<{ rows: unknown[]; next?: string }> {
  const { signal, key, restUrl, bucket, backoffMs, onCall } = options;
  const headers = { authorization: `Bearer ${key}` };
  let body: { results?: unknown; next_url?: unknown } | null;
  try {
    body = await getJson(url, { headers, signal, bucket, backoffMs, onCall, advise }) as typeof body;
  } catch (error) {
    throw errorWithoutKey(error, key);
  }
  // Without bars there are no results.
  const { results = [], next_url: next } = body ?? {};
  if (!Array.isArray(results)) throw new FeedError("Massive's history is not as documented", { reason: "history" });
  return { rows: results, next: typeof next === "string" && next !== "" ? rebase(next, restUrl) : undefined };
}

/** The next page's address names Massive's own host; the key goes to nobody but the host that is configured. */
function rebase(next: string, restUrl: string): string {
  if (next.startsWith(`${restUrl}/`)) return next;
  if (!URL.canParse(next, restUrl)) throw new FeedError("Massive's next page has no address", { reason: "history" });
  const { pathname, search } = new URL(next, restUrl);
  return `${restUrl}${pathname}${search}`;
}

/** What to do about a refusal. The stream goes on without history. */
function advise(status: number): string | undefined {
  if (status === 401) return "check MASSIVE_API_KEY (or POLYGON_API_KEY)";
  if (status === 403) return "the plan has to include the symbol and how far back it is asked for";
}

/** `t` is the bar's start in ms, `n` the number of trades. A text says why it is no bar. */
export function readRow(
  row: unknown,
  { symbol, timeframe, stepMs }: Pick<HistoryOptions, "symbol" | "timeframe" | "stepMs">,
): FeedBar | string {
  const { t, o, h, l, c, v, vw, n } = (row ?? {}) as Record<string, unknown>;
  const isWhole = [t, o, h, l, c, v].every(Number.isFinite) && isAbsentOrNumber(vw) && isAbsentOrNumber(n);
  if (!isWhole) return "bar is not as documented";
  const numbers = { ts: t, open: o, high: h, low: l, close: c, volume: v } as Record<
    "ts" | "open" | "high" | "low" | "close" | "volume",
    number
  >;
  if (numbers.ts % Math.min(stepMs, HOUR_MS) !== 0) return `bar is not of ${timeframe}`;
  return { symbol, timeframe, ...numbers, vwap: vw ?? undefined, trades: n ?? undefined, status: "final" };
}
