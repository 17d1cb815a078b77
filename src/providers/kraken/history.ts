/**
 * Kraken's history: the most recent 720 bars from REST `OHLC`, older ones built from the trades of `Trades`.
 *
 * @module
 */
import { createTokenBucket } from "../../pipeline/rate.ts";
import type { Interval } from "../../records/intervals.ts";
import { type FeedBar, FeedError, isRefusal } from "../live/feed.ts";
import { createRowsSeen } from "../live/history/rows_seen.ts";
import type { SymbolHistory } from "../live/history/symbol_history.ts";
import { getJson, type RestOptions } from "../live/transport/rest.ts";
import { createRowReader } from "../live/transport/rows.ts";
import { readRow } from "./bars.ts";
import type { KrakenOptions } from "./endpoint.ts";
import { isTokenized, restQuery } from "./symbols.ts";
import { createTradeBars } from "../live/trade_bars.ts";
import { readTrade } from "./trades.ts";

/** The history of a feed. */
export interface History extends SymbolHistory {
  /** Start of the oldest bar if trades cannot be read; epoch ms. */
  start(symbol: string): number | undefined;
  /**
   * Ranges without a row between rows of the newest answers: `OHLC` has a row for each step, also without trades.
   * Tokenised stocks rest at times, so their ranges are unknown; bars built from trades are not rows.
   */
  lacks(symbol: string): readonly Interval[];
}

/** Most rows of `OHLC`, even for an earlier start. */
const MAX_ROWS = 720;
/** Most trades of a page. */
const TRADES_LIMIT = 1000;
const NS_PER_MS = 1_000_000n;

/** Makes the history of a feed. */
export function createHistory(options: KrakenOptions): History {
  const { restUrl, stepMs, closeAfterMs = 4_000, requestsPerSecond = 1, backoffMs, clock, onCall } = options;
  const bucket = createTokenBucket(requestsPerSecond);
  const starts = new Map<string, number>();
  const seen = createRowsSeen(stepMs);

  /** The rows of the one pair in an answer, and its `last`. */
  async function getRows(
    endpoint: string,
    symbol: string,
    query: string,
    { signal, onRequest }: Pick<RestOptions, "signal" | "onRequest">,
  ) {
    const url = `${restUrl}/0/public/${endpoint}?${restQuery(symbol)}&${query}`;
    const body = await getJson(url, { signal, clock, bucket, backoffMs, isThrottled, findFault, onRequest, onCall });
    const errors = errorsOf(body);
    if (errors.length > 0) {
      const isFatal = errors.some((error) => error.includes("Unknown asset pair"));
      const reason = errors.some((error) => error.includes("Unknown method")) ? "refused" : "history";
      throw new FeedError(`Kraken has no history of ${symbol}: ${errors.join(", ")}`, { isFatal, reason });
    }
    const { last, ...pairs } = (body as { result: Record<string, unknown> }).result;
    return { rows: Object.values(pairs)[0] as unknown[], last: BigInt(last as number | string) };
  }

  /** Reads trades and builds bars from them, up to the one that begins before `to` and has ended. */
  async function* readTrades(
    symbol: string,
    from: number,
    to: number,
    rest: Pick<RestOptions, "signal" | "onRequest">,
  ): AsyncGenerator<readonly FeedBar[]> {
    const bars = createTradeBars(symbol, options);
    let since = BigInt(from) * NS_PER_MS - 1n;
    let lastId = -1;
    while (true) {
      const query = `since=${since}&count=${TRADES_LIMIT}`;
      const { rows, last } = await getRows("Trades", symbol, query, rest);
      const page: FeedBar[] = [];
      let isNew = false;
      for (const row of rows) {
        const trade = readTrade(row);
        // A bar without one of its trades would be wrong, so none can be left out.
        if (typeof trade === "string") throw new FeedError(`Kraken's ${trade}`, { reason: "history" });
        if (trade.id <= lastId || trade.at < from) continue;
        lastId = trade.id;
        isNew = true;
        const bar = trade.at < to ? bars.add(trade) : bars.end();
        if (bar !== undefined) page.push(bar);
        if (trade.at >= to) {
          yield page;
          return;
        }
      }
      yield page;
      if (last < since) throw new FeedError("Kraken's trades lead back to a page before", { reason: "history" });
      if (rows.length === 0 || (!isNew && last === since)) break;
      // `since` is exclusive, and trades may share their time: repeated trades are recognized by their id.
      since = isNew ? last - 1n : last;
    }
    const bar = bars.end();
    if (bar !== undefined) yield [bar];
  }

  async function* read(
    symbol: string,
    from: number,
    to: number,
    signal: AbortSignal,
    onRequest?: () => void,
  ): AsyncGenerator<readonly FeedBar[]> {
    const rest = { signal, onRequest };
    const isOver = ({ ts }: FeedBar) => ts + stepMs + closeAfterMs <= Date.now();
    const reader = createRowReader((row) => readRow(row, symbol, options));
    for (let start = from; start < to;) {
      // Whether `since` is exclusive, as documented, or inclusive, one bar earlier is right.
      const since = Math.floor((start - stepMs) / 1000);
      const { rows, last } = await getRows("OHLC", symbol, `interval=${stepMs / 60_000}&since=${since}`, rest);
      const first = Number((rows[0] as unknown[] | undefined)?.[0]) * 1000;
      if (rows.length < MAX_ROWS || !(first > start)) {
        // Kraken treats a row after `last` as forming, and may lag: the minute may have ended long ago.
        const lastStart = Number(last) * 1000;
        const end = Math.min(to, lastStart + 1);
        const see = seen.begin(symbol, start, to);
        for (const at of isTokenized(symbol) ? [] : rows.map(startOf)) if (at <= lastStart) see(at);
        yield reader.read(symbol, rows).filter((bar) => bar.ts >= start && bar.ts < end && isOver(bar));
        break;
      }
      // Whole bars only: one that begins before `start` would lack trades.
      const [begin, end] = [start, Math.min(first, to)].map((at) => Math.ceil(at / stepMs) * stepMs);
      try {
        for await (const page of readTrades(symbol, begin, end, rest)) yield page.filter(isOver);
        starts.delete(symbol);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        // A server, or a proxy, that only has bars.
        starts.set(symbol, Math.ceil(first / stepMs) * stepMs);
      }
      // The rows are requested again, as they may have changed meanwhile and reach less far.
      start = end;
    }
    reader.finish();
  }

  return { bucket, read, start: (symbol) => starts.get(symbol), lacks: seen.lacks };
}

/** Start of a row, in epoch ms. */
const startOf = (row: unknown) => Number((row as unknown[] | undefined)?.[0]) * 1000;

/** Why a body without errors is not an answer with the rows of one pair and their end. */
function findFault(body: unknown): string | undefined {
  const { error, result } = (body ?? {}) as Record<string, unknown>;
  if (!Array.isArray(error)) return "has no list of errors";
  if (errorsOf(body).length > 0) return undefined;
  if (typeof result !== "object" || result === null) return "has neither errors nor a result";
  const { last, ...pairs } = result as Record<string, unknown>;
  const [rows, ...others] = Object.values(pairs);
  if (!Array.isArray(rows) || others.length > 0) return "has not the rows of one pair";
  if (!/^\d{1,20}$/.test(String(last))) return `has no end, its last is ${JSON.stringify(last)}`;
}

/** Errors of an answer, without its warnings. */
function errorsOf(body: unknown): string[] {
  const errors = (body as { error?: unknown } | null)?.error;
  return Array.isArray(errors) ? errors.filter((error) => typeof error === "string" && !error.startsWith("W")) : [];
}

/** Kraken answers 200 in cases for 429 and 503. */
function isThrottled(body: unknown): boolean {
  return errorsOf(body).some((error) =>
    /Too many requests|Rate limit|Temporary lockout|EService|Internal error/i.test(error)
  );
}
