/**
 * `GET /api/stored` and `GET /api/symbols`: the stored series, and their newest bars.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "../../database/names.ts";
import { calendarOf } from "../../providers/mod.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";

/** A series in a list. Times are epoch seconds. */
export interface SeriesRow {
  readonly provider: string;
  readonly symbol: string;
  readonly timeframe: string;
  /** Start of the newest bar. */
  readonly lastTs?: number;
  readonly close?: number;
  /** Bars that start today, by UTC. */
  readonly barsToday: number;
  /** Bars expected today until now by the market's calendar, and missing; only for series that are still updated. */
  readonly missingToday?: number;
}

/** The series of a provider and timeframe. */
export interface StoredSeries {
  readonly provider: string;
  readonly timeframe: string;
  /** Number of series. */
  readonly series: number;
  /** Start of the newest bar among them, in epoch seconds. */
  readonly lastTs?: number;
}

/** Counts a tenant's series by provider and timeframe, the newest first. */
export async function countSeries(client: Client, { of }: Names, tenant: string): Promise<StoredSeries[]> {
  const { rows } = await client.query(
    `SELECT f.provider, f.timeframe, f.series::int AS series, extract(epoch FROM f.last_ts)::float8 AS last_ts
FROM ${of("data_freshness")} f WHERE f.tenant = $1 ORDER BY f.last_ts DESC NULLS LAST, f.provider, f.timeframe`,
    [tenant],
  );
  return rows.map(({ last_ts, ...row }) => ({ ...row, lastTs: last_ts ?? undefined }));
}

/** Age of the newest bar from which on a series counts as history, which misses no bars today, in milliseconds. */
const ALIVE_MS = 4 * 24 * 60 * 60_000;
/** Longest normal time from the end of a bar to the database, in milliseconds. */
const LATE_MS = 60_000;

/** Series on a page. */
export const PAGE_SIZE = 50;

const listQuery = ({ of }: Names) =>
  `SELECT s.provider, s.symbol, s.timeframe, extract(epoch FROM last.ts)::float8 AS last_ts, last.close,
  (SELECT count(*) FROM ${of("bar")} b WHERE b.series_id = s.id AND b.ts >= $3)::int AS bars_today
FROM (
  SELECT k.id, k.provider, k.symbol, k.timeframe FROM ${of("series")} k
  WHERE k.tenant = $1 AND starts_with(upper(k.symbol), upper($2))
  ORDER BY k.symbol, k.provider, k.timeframe LIMIT ${PAGE_SIZE + 1}
) s
LEFT JOIN LATERAL (SELECT b.ts, b.close FROM ${
    of("bar")
  } b WHERE b.series_id = s.id ORDER BY b.ts DESC LIMIT 1) last ON true
ORDER BY s.symbol, s.provider, s.timeframe`;

/** The first series whose symbol starts with `search`, and whether more exist. */
export async function listSeries(
  client: Client,
  names: Names,
  { tenant, search, now = Date.now() }: { tenant: string; search: string; now?: number },
): Promise<{ series: SeriesRow[]; more: boolean }> {
  const today = new Date(now).setUTCHours(0, 0, 0, 0);
  const { rows } = await client.query(listQuery(names), [tenant, search, new Date(today)]);
  return {
    more: rows.length > PAGE_SIZE,
    series: rows.slice(0, PAGE_SIZE).map(({ provider, symbol, timeframe, last_ts, close, bars_today }) => ({
      provider,
      symbol,
      timeframe,
      lastTs: last_ts ?? undefined,
      close: close ?? undefined,
      barsToday: bars_today,
      missingToday: last_ts * 1000 < now - ALIVE_MS
        ? undefined
        : countMissing({ provider, symbol, timeframe }, today, now, bars_today),
    })),
  };
}

function countMissing(
  { provider, symbol, timeframe }: { provider: string; symbol: string; timeframe: string },
  today: number,
  now: number,
  have: number,
): number | undefined {
  const calendar = calendarOf(provider, symbol);
  const stepMs = TIMEFRAMES.get(timeframe);
  if (calendar === undefined || stepMs === undefined) return undefined;
  let expected = 0;
  for (const { from, to } of calendar.starts(today, now - stepMs - LATE_MS, stepMs)) expected += (to - from) / stepMs;
  return Math.max(0, Math.round(expected) - have);
}
