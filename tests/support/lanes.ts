/**
 * Lanes into PostgreSQL, on their own.
 *
 * @module
 */
import type { Client } from "pg";
import type { Database } from "../../src/database/database.ts";
import { withClient } from "../../src/database/database.ts";
import type { WriteCounts } from "../../src/events.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import type { Sink, SinkLane } from "../../src/sinks/sink.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { rowsOf } from "./frames.ts";

/** A signal that never aborts. */
export const never: AbortSignal = new AbortController().signal;

/** The sink for bars into a database. Its deadline is for servers that hang, and far from what a busy machine takes. */
export function barSink(database: Database, deadlineMs = 60_000): Sink {
  return openPostgresSink({ database, kind: recordKind("bar"), deadlineMs });
}

/** Opens a lane for the time of `fn`. */
export async function withLane<T>(database: Database, fn: (lane: SinkLane) => Promise<T>): Promise<T> {
  await using lane = barSink(database).openLane();
  return await fn(lane);
}

/** Writes one batch through a lane of its own. */
export function writeOnce(database: Database, bars: readonly Bar[]): Promise<WriteCounts> {
  return withLane(database, (lane) => lane.write(rowsOf(bars), never));
}

/** What a batch counted; `updated` are those of the stored that were there before. */
export function counts(stored: number, unchanged = 0, deduplicated = 0, updated?: number | null): WriteCounts {
  return { stored, unchanged, deduplicated, ...(updated === undefined ? {} : { updated }) };
}

/** Rows of the database. */
export function select(database: Database, sql: string): Promise<Record<string, unknown>[]> {
  return withClient(database, async (client) => (await client.query(sql)).rows);
}

/** A database whose statements are noted. */
export interface RecordedDatabase extends Database {
  /** The first word of each statement that was sent to read, add or write rows. */
  readonly statements: string[];
  /** Connections that were opened. */
  readonly clients: Client[];
}

/** Notes what goes to a database. */
export function recordStatements(database: Database): RecordedDatabase {
  const statements: string[] = [];
  const clients: Client[] = [];
  return {
    ...database,
    statements,
    clients,
    async connect(signal) {
      const client = await database.connect(signal);
      clients.push(client);
      const query = client.query.bind(client) as (...given: unknown[]) => unknown;
      client.query = ((...given: unknown[]) => {
        const text = typeof given[0] === "string" ? given[0] : (given[0] as { text: string }).text;
        statements.push(
          /^(COPY|SELECT|INSERT INTO (?!stream_log)\w+)/m.exec(text.replaceAll("public.", ""))?.[0] ?? text,
        );
        return query(...given);
      }) as typeof client.query;
      return client;
    },
  };
}
