/**
 * Binance's history: REST `klines`.
 *
 * @module
 */
import { createTokenBucket } from "../../pipeline/rate.ts";
import { FeedError } from "../live/feed.ts";
import { createRowsSeen } from "../live/history/rows_seen.ts";
import type { SymbolHistory } from "../live/history/symbol_history.ts";
import { getJson } from "../live/transport/rest.ts";
import { createRowReader } from "../live/transport/rows.ts";
import { notServed, UnknownSymbolError } from "./errors.ts";
import type { BinanceOptions } from "./endpoint.ts";
import { type KlineSeries, readRow } from "./klines.ts";

/** Requests a second. Each weighs 2, and all clients behind an address may spend 6000 a minute together. */
const REQUESTS_PER_SECOND = 20;
/** Most rows of a page. */
const PAGE_LIMIT = 1000;
/** Code for an unknown symbol. */
const INVALID_SYMBOL = -1121;

/** The history of a feed. */
export interface History extends SymbolHistory {
  /** Why the symbol does not exist; `undefined` if it does. */
  explainUnknown(symbol: string, signal: AbortSignal): Promise<string | undefined>;
}

/** Makes the history of a feed. */
export function createHistory(
  options: Pick<BinanceOptions, "restUrl" | "backoffMs" | "onCall" | "clock"> & KlineSeries,
): History {
  const { restUrl, backoffMs, timeframe, stepMs, clock, onCall } = options;
  const bucket = createTokenBucket(REQUESTS_PER_SECOND);
  const seen = createRowsSeen(stepMs);

  async function getKlines(
    symbol: string,
    query: string,
    signal: AbortSignal,
    onRequest?: () => void,
  ): Promise<unknown[]> {
    const url = `${restUrl}/api/v3/klines?symbol=${encodeURIComponent(symbol)}&interval=${timeframe}&${query}`;
    const rest = { signal, clock, bucket, backoffMs, isAnswer: isUnknown, findFault, onRequest, onCall };
    const body = await getJson(url, rest).catch(explain);
    if (isUnknown(400, body)) throw new UnknownSymbolError(symbol);
    return body as unknown[];
  }

  return {
    bucket,
    async *read(symbol, from, to, signal, onRequest) {
      const rows = createRowReader((row) => readRow(row, symbol, options));
      // A minute without trades has a kline; only maintenance leaves some out.
      const see = seen.begin(symbol, from, to);
      for (let start = Math.ceil(from / stepMs) * stepMs; start < to;) {
        const query = `startTime=${start}&endTime=${to - 1}&limit=${PAGE_LIMIT}`;
        const page = await getKlines(symbol, query, signal, onRequest);
        const bars = rows.read(symbol, page);
        for (const { ts } of bars) see(ts);
        const now = Date.now();
        yield bars.filter(({ ts, trades }) => ts >= start && ts < to && ts + stepMs <= now && trades !== 0);
        // A page may be short; only an empty one marks the end.
        const last = bars.at(-1)?.ts;
        if (last === undefined) break;
        if (last < start) {
          throw new FeedError("Binance's history ends before the start that it was asked for", { reason: "history" });
        }
        start = last + stepMs;
      }
      rows.finish();
    },
    lacks: seen.lacks,
    async explainUnknown(symbol, signal) {
      try {
        await getKlines(symbol, "limit=1", signal);
      } catch (error) {
        if (error instanceof UnknownSymbolError) return error.message;
        throw error;
      }
    },
  };
}

/** Why a body is not a page of klines. */
function findFault(body: unknown): string | undefined {
  return Array.isArray(body) ? undefined : "is no list of klines";
}

function isUnknown(status: number, body: unknown): boolean {
  return status === 400 && (body as { code?: unknown } | null)?.code === INVALID_SYMBOL;
}

function explain(error: unknown): never {
  const isUnserved = error instanceof FeedError && error.message.includes("status 451");
  throw isUnserved ? notServed(error) : error;
}
