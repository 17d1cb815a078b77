/**
 * Lists the stored series, with the first and newest bar of each.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "../database/names.ts";
import type { SeriesKey } from "../records/record.ts";

/** A series that has bars, or bars in doubt. */
export interface StoredSeries extends SeriesKey {
  /** Its number in the database. */
  readonly id: number;
  /** Start of its first bar, or of a doubt before it, in epoch ms. */
  readonly first: number;
  /** Start of its newest bar, or of its first doubt without bars, in epoch ms. */
  readonly newest: number;
}

/** The tenant and series to check; each given list restricts them. */
export interface SeriesFilter {
  readonly tenant: string;
  readonly providers?: readonly string[];
  readonly symbols?: readonly string[];
}

/**
 * The stored series, ordered by provider, timeframe and symbol. A feed may have lost bars before the first stored one,
 * so doubts count, too. Ranges that the vendor does not provide, such as those before the begin of its history, do not.
 */
export async function listSeries(
  client: Client,
  { of }: Names,
  { tenant, providers, symbols }: SeriesFilter,
): Promise<StoredSeries[]> {
  const { rows } = await client.query(
    `SELECT s.id, s.provider, s.symbol, s.timeframe,
  (extract(epoch FROM least(reach.first, doubt.first)) * 1000)::float8 AS first,
  (extract(epoch FROM coalesce(reach.newest, doubt.first)) * 1000)::float8 AS newest
FROM ${of("series")} s,
  LATERAL (SELECT min(b.ts) AS first, max(b.ts) AS newest FROM ${of("bar")} b WHERE b.series_id = s.id) AS reach,
  LATERAL (SELECT min(d.starts) AS first FROM ${of("series_doubt")} d
    WHERE d.series_id = s.id AND d.reason NOT IN ('horizon', 'denied')) AS doubt
WHERE s.tenant = $3 AND (reach.first IS NOT NULL OR doubt.first IS NOT NULL)
  AND ($1::text[] IS NULL OR s.provider = ANY ($1)) AND ($2::text[] IS NULL OR s.symbol = ANY ($2))
ORDER BY s.provider, s.timeframe, s.symbol`,
    [providers ?? null, symbols ?? null, tenant],
  );
  return rows;
}
