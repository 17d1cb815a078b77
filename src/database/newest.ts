/**
 * How far the series of a provider have come.
 *
 * @module
 */
import type { Client } from "pg";

/** Start of the newest stored bar of each of a tenant's symbols of a provider at a timeframe, in epoch ms. */
export async function readNewest(
  client: Client,
  tenant: string,
  provider: string,
  timeframe: string,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query(
    `SELECT s.symbol, (SELECT extract(epoch FROM max(b.ts)) * 1000 FROM bar b WHERE b.series_id = s.id)::float8 AS newest
FROM series s WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3`,
    [tenant, provider, timeframe],
  );
  return new Map(rows.filter(({ newest }) => newest !== null).map(({ symbol, newest }) => [symbol, newest]));
}
