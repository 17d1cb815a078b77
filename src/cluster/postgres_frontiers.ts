/**
 * Frontiers in PostgreSQL.
 *
 * @module
 */
import { type Database, withClient } from "../database/database.ts";
import type { FrontierStore } from "./frontiers.ts";

/** Keeps the frontiers of a cluster in a table. */
export function keepFrontiersInPostgres(database: Database, cluster: string): FrontierStore {
  return {
    load: (source) =>
      withClient(database, async (client) => {
        const { rows } = await client.query<{ symbol: string; until: number }>(
          `SELECT f.symbol, (extract(epoch FROM f.complete_until) * 1000)::float8 AS until
FROM cluster_frontier f WHERE f.cluster = $1 AND f.source = $2`,
          [cluster, source],
        );
        return new Map(rows.map(({ symbol, until }) => [symbol, until]));
      }),
    save: (source, frontiers) =>
      withClient(database, async (client) => {
        await client.query(
          `INSERT INTO cluster_frontier (cluster, source, symbol, complete_until)
SELECT $1, $2, new.symbol, to_timestamp(new.until / 1000) FROM unnest($3::text[], $4::float8[]) AS new (symbol, until)
ORDER BY new.symbol
ON CONFLICT (cluster, source, symbol) DO UPDATE SET complete_until = excluded.complete_until
WHERE cluster_frontier.complete_until < excluded.complete_until`,
          [cluster, source, [...frontiers.keys()], [...frontiers.values()]],
        );
      }),
  };
}
