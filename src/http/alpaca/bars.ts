/**
 * Alpaca's endpoint of historical bars, from the database.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "../../database/names.ts";
import { BAR_COLUMNS, type StoredBar } from "../../stream/changes.ts";
import { parseTimeOrDay } from "../../records/time.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { RequestError } from "../body.ts";
import { providerOf } from "./access.ts";
import { alpacaBar, isoTime } from "./messages.ts";

/** Default and largest number of bars on a page. */
const LIMIT = 1000;
const MAX_LIMIT = 10_000;

/** The requested bars. */
export interface BarsQuery {
  readonly symbols: readonly string[];
  readonly timeframe: string;
  readonly provider: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
  readonly isDescending: boolean;
  /** The last bar of the previous page. */
  readonly after?: { readonly symbol: string; readonly ts: number } | undefined;
}

const UNITS: Readonly<Record<string, string>> = {
  ...{ Min: "m", T: "m", Hour: "h", H: "h", Day: "d", D: "d", Week: "w", W: "w" },
};

/**
 * Reads the query.
 *
 * @throws {RequestError} If it is not valid.
 */
export function readBarsQuery(query: URLSearchParams, symbol?: string): BarsQuery {
  const symbols = symbol === undefined
    ? (query.get("symbols") ?? "").split(",").filter((each) => each !== "")
    : [symbol];
  if (symbols.length === 0) {
    throw new RequestError("Cannot read symbols: expected at least one, as in symbols=AAPL,MSFT");
  }
  const [, count, unit] = /^(\d{1,2})(Min|T|Hour|H|Day|D|Week|W)$/.exec(query.get("timeframe") ?? "") ?? [];
  const timeframe = `${count}${UNITS[unit]}`;
  if (!TIMEFRAMES.has(timeframe)) {
    throw new RequestError(
      `Cannot use timeframe: current value is "${query.get("timeframe")}", expected one such as 1Min, 1Hour or 1Day`,
    );
  }
  const limit = Number(query.get("limit") ?? LIMIT);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT)) {
    throw new RequestError(
      `Cannot use limit: current value is "${query.get("limit")}", expected a number from 1 to ${MAX_LIMIT}`,
    );
  }
  const sort = query.get("sort") ?? "asc";
  if (sort !== "asc" && sort !== "desc") {
    throw new RequestError(`Cannot use sort: current value is "${sort}", expected asc or desc`);
  }
  const adjustment = query.get("adjustment") ?? "raw";
  if (adjustment !== "raw") {
    throw new RequestError(
      `Cannot use adjustment: current value is "${adjustment}", expected raw: bars are as the provider gave them`,
    );
  }
  const today = Math.floor(Date.now() / 86_400_000) * 86_400_000;
  return {
    symbols,
    timeframe,
    provider: providerOf(query.get("feed")),
    fromMs: readTime(query, "start") ?? today,
    toMs: readTime(query, "end") ?? Date.now(),
    limit,
    isDescending: sort === "desc",
    after: readToken(query.get("page_token")),
  };
}

function readTime(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const ms = parseTimeOrDay(text);
  if (Number.isFinite(ms)) return ms;
  throw new RequestError(
    `Cannot use ${name}: current value is "${text}", expected a time such as 2024-01-02T14:30:00Z`,
  );
}

function readToken(text: string | null): BarsQuery["after"] {
  if (text === null || text === "") return undefined;
  try {
    const [, symbol, ts] = /^(.+)\|(\d{1,16}(?:\.\d+)?)$/.exec(decodeURIComponent(atob(text)))!;
    return { symbol, ts: Number(ts) };
  } catch {
    throw new RequestError("Cannot read page_token: expected the next_page_token of the page before");
  }
}

const writeToken = ({ symbol, ts }: StoredBar) => btoa(encodeURIComponent(`${symbol}|${ts}`));

// If several providers have a symbol, one of them answers: its bars must not come twice.
const barsQuery = ({ of }: Names, order: "ASC" | "DESC") =>
  `WITH chosen AS (
  SELECT DISTINCT ON (k.symbol) k.* FROM ${of("series_key")} k
  WHERE ($1::text IS NULL OR k.tenant = $1) AND k.symbol = ANY ($2) AND k.timeframe = $3 AND ($4::text IS NULL OR k.provider = $4)
    AND ($7::text IS NULL OR k.symbol >= $7)
  ORDER BY k.symbol, k.provider = 'alpaca' DESC, k.provider, k.id
)
SELECT ${BAR_COLUMNS} FROM chosen s CROSS JOIN LATERAL (
  SELECT r.* FROM ${of("bar")} r
  WHERE r.series_id = s.id AND r.ts >= to_timestamp($5::float8 / 1000) AND r.ts <= to_timestamp($6::float8 / 1000)
    AND ($7::text IS NULL OR s.symbol <> $7 OR ${order === "ASC" ? "r.ts >" : "r.ts <"} to_timestamp($8::float8 / 1000))
  ORDER BY r.ts ${order === "ASC" ? "ASC" : "DESC"} LIMIT $9
) AS b ORDER BY s.symbol, b.ts ${order === "ASC" ? "ASC" : "DESC"} LIMIT $9`;

/** Reads a page of a tenant's bars, or of all tenants, in the form of Alpaca. */
export async function readPage(
  client: Client,
  names: Names,
  tenant: string | undefined,
  query: BarsQuery,
): Promise<{ bars: Record<string, object[]>; next_page_token: string | null }> {
  const { symbols, timeframe, provider, fromMs, toMs, limit, isDescending, after } = query;
  const { rows } = await client.query<StoredBar>(barsQuery(names, isDescending ? "DESC" : "ASC"), [
    ...[tenant ?? null, symbols, timeframe, provider ?? null, fromMs, toMs],
    ...[after?.symbol ?? null, after?.ts ?? null, limit + 1],
  ]);
  const page = rows.slice(0, limit);
  const bars: Record<string, object[]> = {};
  for (const row of page) (bars[row.symbol] ??= []).push(alpacaBar(row, isoTime));
  return { bars, next_page_token: rows.length > limit ? writeToken(page.at(-1)!) : null };
}
