/**
 * Reads the newest bars of a provider's series.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "./names.ts";

/** The newest stored bar of a series. */
export interface NewestBar {
  /** Its start, in epoch milliseconds. */
  readonly ts: number;
  /** When it was received, in epoch microseconds. */
  readonly receivedAt: number;
}

/** The newest stored bar of each of a tenant's symbols of a provider at a timeframe. */
export async function readNewest(
  client: Client,
  { of }: Names,
  tenant: string,
  provider: string,
  timeframe: string,
): Promise<ReadonlyMap<string, NewestBar>> {
  const { rows } = await client.query(
    `SELECT s.symbol, (extract(epoch FROM newest.ts) * 1000)::float8 AS ts,
  (extract(epoch FROM newest.received_at) * 1000000)::float8 AS received
FROM ${of("series")} s CROSS JOIN LATERAL (
  SELECT b.ts, b.received_at FROM ${of("bar")} b WHERE b.series_id = s.id ORDER BY b.ts DESC LIMIT 1
) AS newest
WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3`,
    [tenant, provider, timeframe],
  );
  return new Map(rows.map(({ symbol, ts, received }) => [symbol, { ts, receivedAt: received }]));
}
