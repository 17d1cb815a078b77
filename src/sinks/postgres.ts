/**
 * The sink that writes into PostgreSQL, elsewhere or embedded.
 *
 * @module
 */
import { classifyDatabaseError, sqlState } from "../database/faults.ts";
import type { Client } from "pg";
import type { Database } from "../database/database.ts";
import { createPool, type Pool } from "../database/pool.ts";
import type { MarketRecord, RecordKind } from "../records/record.ts";
import { openPostgresLane } from "./postgres/lane.ts";
import { createSeriesIndex, type SeriesIndex } from "./postgres/series.ts";
import { createStatements } from "./postgres/statements.ts";
import type { Sink, Writers } from "./sink.ts";

/** Options of {@linkcode openPostgresSink}. */
export interface PostgresSinkOptions {
  /** Where to write; stays the caller's to dispose. */
  database: Database;
  /** Where the lanes' connections come from. @default {one for each lane} */
  pool?: Pool;
  kind: RecordKind<MarketRecord>;
  /** Whose rows they are. @default {"default"} */
  tenant?: string;
  /** Who writes these series. @default {"alone"} */
  writers?: Writers;
  /** Longest time a write may take, in milliseconds. */
  deadlineMs: number;
}

/**
 * Opens the sink for one kind of records. A batch is one statement: a binary `COPY` while keys are new, else an upsert
 * of binary arrays; either way the table ends as one delivery of each record would leave it.
 */
export function openPostgresSink(options: PostgresSinkOptions): Sink {
  const { database, kind, tenant = "default", deadlineMs } = options;
  const pool = options.pool ?? createPool(database, Infinity);
  const statements = createStatements(kind, options.writers);
  // Lives with a connection: see the index.
  const indexes = new WeakMap<Client, SeriesIndex>();
  function seriesOf(client: Client): SeriesIndex {
    let index = indexes.get(client);
    if (index === undefined) indexes.set(client, index = createSeriesIndex(client, kind, tenant));
    return index;
  }
  return {
    name: "postgres",
    maxLanes: database.maxConnections,
    openLane: () => openPostgresLane({ database, pool, kind, statements, tenant, seriesOf, deadlineMs }),
    classify: classifyDatabaseError,
    // Cancelled by its own time limit, or by somebody; in neither case does it help to send the same again for ever.
    isTooSlow: (error) => sqlState(error) === "57014",
    check: database.check,
    async [Symbol.asyncDispose]() {},
  };
}
