/**
 * The bars of one series from the database, page by page: no cursor or transaction stays open while a client reads
 * slowly.
 *
 * @module
 */
import type { Client } from "pg";
import { type BarSeries, findBarSeries } from "../../database/bar_series.ts";
import { connectToRead, type Database, endClient } from "../../database/database.ts";
import type { Names } from "../../database/names.ts";
import type { OutputColumn, TextRow } from "../../files/write/column.ts";
import { type BarsRequest, refuseSeries } from "./bars_request.ts";

/** Columns of the answer. */
export const BAR_COLUMNS: readonly OutputColumn[] = [
  { name: "ts", type: "time" },
  { name: "symbol", type: "text" },
  { name: "provider", type: "text" },
  { name: "timeframe", type: "text" },
  ...["open", "high", "low", "close", "volume", "vwap"].map((name) => ({ name, type: "double" as const })),
  { name: "trades", type: "int64" },
];

/** Rows of a page. */
const PAGE_ROWS = 20_000;
/** A view that rolls up may compute everything for each page, so pages are large. */
const ROLLED_UP_PAGE_ROWS = 200_000;
/** Longest run of a page, in milliseconds. */
const PAGE_MS = 60_000;

/** An open series. Disposing of it ends the connection. */
export interface OpenSeries extends AsyncDisposable {
  readonly series: BarSeries;
  /** The rows, oldest first; ends early when the connection is ended. */
  pages(): AsyncGenerator<readonly TextRow[]>;
}

/**
 * Connects, and finds the requested series.
 *
 * @throws {RequestError} If no such series is stored, or several providers have one.
 */
export async function openSeries(
  database: Database,
  tenant: string,
  request: BarsRequest,
  signal: AbortSignal,
): Promise<OpenSeries> {
  const { client, names } = await connectToRead(database, PAGE_MS, signal);
  try {
    const found = await findBarSeries(client, names, tenant, request);
    if (!found.ok) throw refuseSeries(request, found);
    const { series } = found;
    return {
      series,
      pages: () => readPages(client, names, request, series),
      [Symbol.asyncDispose]: () => endClient(client),
    };
  } catch (error) {
    await endClient(client);
    throw error;
  }
}

async function* readPages(
  client: Client,
  { of }: Names,
  { symbol, timeframe, from, to, limit = Infinity }: BarsRequest,
  { id, provider, view }: BarSeries,
): AsyncGenerator<readonly TextRow[]> {
  const pageRows = view === "bars" ? PAGE_ROWS : ROLLED_UP_PAGE_ROWS;
  const time = (ms: number | undefined, otherwise: string) => ms === undefined ? otherwise : new Date(ms).toISOString();
  let after = "-infinity";
  for (let left = limit; left > 0;) {
    const most = Math.min(left, pageRows);
    const { rows } = await client.query({
      text: `SELECT b.ts, $5::text, $6::text, $7::text, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.trades
FROM ${of(view)} b WHERE b.series_id = $1 AND b.ts > $2 AND b.ts >= $3 AND b.ts < $4 ORDER BY b.ts LIMIT $8`,
      values: [id, after, time(from, "-infinity"), time(to, "infinity"), symbol, provider, timeframe, most],
      rowMode: "array",
      types: { getTypeParser: () => (value: string) => value },
    });
    if (rows.length > 0) yield rows;
    if (rows.length < most) return;
    after = rows.at(-1)![0];
    left -= rows.length;
  }
}
