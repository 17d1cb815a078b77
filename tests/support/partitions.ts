/**
 * The table of bars as a user may have partitioned it.
 *
 * @module
 */
import type { Database } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { select } from "./lanes.ts";

/** Makes `bar` a table of two partitions, the first of which ends at 04:00 on 1 March 2024. */
export async function partitionBars(database: Database): Promise<void> {
  await select(database, "DROP TABLE bar CASCADE");
  await select(
    database,
    `CREATE TABLE bar (ts timestamptz NOT NULL, open float8 NOT NULL, high float8 NOT NULL, low float8 NOT NULL,
  close float8 NOT NULL, volume float8 NOT NULL, received_at timestamptz NOT NULL, vwap float8, series_id integer NOT NULL,
  trades integer, status "char" NOT NULL DEFAULT 'f', PRIMARY KEY (series_id, ts)) PARTITION BY RANGE (ts)`,
  );
  await select(
    database,
    "CREATE TABLE bar_a PARTITION OF bar FOR VALUES FROM ('2024-03-01Z') TO ('2024-03-01 04:00Z')",
  );
  await select(database, "CREATE TABLE bar_b PARTITION OF bar DEFAULT");
  await prepareDatabase(database);
}
