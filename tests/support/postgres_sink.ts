/**
 * The PostgreSQL sink for the conformance suite, whatever database is behind it.
 *
 * @module
 */
import type { Database } from "../../src/database/database.ts";
import type { SinkUnderTest } from "../sinks/conformance.ts";
import { barSink, select } from "./lanes.ts";
import { freePort } from "./postgres.ts";
import { databaseAt } from "./server_tests.ts";

/** Looks into the sink of a migrated database, which is disposed of with it. */
export function postgresUnderTest(database: Database): SinkUnderTest {
  const sink = barSink(database);
  return {
    sink,
    async stored() {
      const rows = await select(
        database,
        "SELECT symbol, (extract(epoch FROM ts) * 1000)::float8 AS ts, close FROM bars ORDER BY open",
      );
      return new Map(rows.map(({ symbol, ts, close }) => [`${symbol} ${ts}`, close as number]));
    },
    async refuse(open) {
      await select(database, `ALTER TABLE bar ADD CONSTRAINT refused CHECK (open <> ${open})`);
    },
    async hold() {
      const client = await database.connect();
      await client.query("BEGIN; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
      return { [Symbol.asyncDispose]: () => client.end() };
    },
    unreachable: () => barSink(databaseAt(`postgres://postgres@127.0.0.1:${freePort()}/postgres`)),
    async [Symbol.asyncDispose]() {
      await sink[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
