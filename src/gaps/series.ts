/**
 * The series that are stored, and how far each reaches.
 *
 * @module
 */
import type { Client } from "pg";
import type { SeriesKey } from "../records/record.ts";

/** A series that has bars. */
export interface StoredSeries extends SeriesKey {
  /** Its number in the database. */
  readonly id: number;
  /** Start of its first bar, in epoch ms. */
  readonly first: number;
  /** Start of its newest bar, in epoch ms. */
  readonly newest: number;
}

/** Whose series to look at, and which; each list that is there restricts them. */
export interface SeriesFilter {
  readonly tenant: string;
  readonly providers?: readonly string[];
  readonly symbols?: readonly string[];
}

/** The stored series, ordered by provider, timeframe and symbol. */
export async function listSeries(
  client: Client,
  { tenant, providers, symbols }: SeriesFilter,
): Promise<StoredSeries[]> {
  const { rows } = await client.query(
    `SELECT id, provider, symbol, timeframe,
  (extract(epoch FROM first) * 1000)::float8 AS first, (extract(epoch FROM newest) * 1000)::float8 AS newest
FROM series, LATERAL (SELECT min(ts) AS first, max(ts) AS newest FROM bar WHERE series_id = id) AS reach
WHERE tenant = $3 AND first IS NOT NULL
  AND ($1::text[] IS NULL OR provider = ANY ($1)) AND ($2::text[] IS NULL OR symbol = ANY ($2))
ORDER BY provider, timeframe, symbol`,
    [providers ?? null, symbols ?? null, tenant],
  );
  return rows;
}
