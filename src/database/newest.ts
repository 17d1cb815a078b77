/**
 * How far the series of a provider have come.
 *
 * @module
 */
import type { Client } from "pg";

/** Start of the newest stored bar of each of the provider's symbols at a timeframe, in epoch ms. */
export async function readNewest(
  client: Client,
  provider: string,
  timeframe: string,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query(
    `SELECT symbol, (SELECT extract(epoch FROM max(ts)) * 1000 FROM bar WHERE series_id = id)::float8 AS newest
FROM series WHERE tenant = 'default' AND provider = $1 AND timeframe = $2`,
    [provider, timeframe],
  );
  return new Map(rows.filter(({ newest }) => newest !== null).map(({ symbol, newest }) => [symbol, newest]));
}
