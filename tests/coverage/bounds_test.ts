import { assert } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import { keepCoverageInDatabase } from "../../src/database/coverage.ts";
import { saveEveryMs } from "../../src/providers/live/coverage/keeper.ts";
import { select } from "../support/lanes.ts";
import { numbers } from "../support/numbered.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { doubtOf, minutes, OWNER } from "./conformance.ts";

const { test } = useServer();

const SYMBOLS = numbers(10_000).map((at) => `S${at}`);
const YEAR = 365 * 1440;

test("a year of 10,000 symbols stays small, and so do the writes when they move on", async (server) => {
  const { database } = await migratedDatabase(server);
  const store = keepCoverageInDatabase({
    tenant: "default",
    writer: "host/1234",
    run: (work) => withClient(database, work),
  });
  // A hole a month that history does not have, of each.
  const months = numbers(12).map((month) => 1440 * (30 * month + 7));
  await store.save(
    OWNER,
    SYMBOLS.map((symbol) => ({
      symbol,
      confirmed: [minutes([0, YEAR])],
      doubts: months.map((start) => doubtOf(start, start + 5, { dueAt: Infinity, reason: "lag" })),
    })),
  );
  /** Bytes of WAL that a save costs, after a checkpoint or not. */
  async function cost(symbols: readonly string[], from: number, hasDoubts = false): Promise<number> {
    const [{ lsn }] = await select(database, "SELECT pg_current_wal_insert_lsn() AS lsn");
    await store.save(
      OWNER,
      symbols.map((symbol) => ({
        symbol,
        confirmed: hasDoubts ? [] : [minutes([from, from + 10])],
        doubts: hasDoubts ? [doubtOf(from - 1, from)] : [],
      })),
    );
    const [{ bytes }] = await select(database, `SELECT (pg_current_wal_insert_lsn() - '${lsn}')::float8 AS bytes`);
    return bytes as number;
  }
  await cost(SYMBOLS, YEAR);
  await select(database, "VACUUM ANALYZE series_coverage");
  await select(database, "CHECKPOINT");
  const first = await cost(SYMBOLS, YEAR + 10);
  const heads = [20, 30, 40];
  const next = [];
  for (const head of heads) next.push(await cost(SYMBOLS, YEAR + head));
  const doubts = await cost(SYMBOLS.slice(0, 100), YEAR + 40, true);
  const [{ size }] = await select(
    database,
    "SELECT (pg_total_relation_size('series_coverage') + pg_total_relation_size('series_doubt'))::float8 AS size",
  );
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
  console.log(
    `a year of 10,000 symbols: ${mb(size as number)}; their heads: ${mb(first)} of WAL after a checkpoint, then ` +
      `${next.map(mb).join(", ")}; 100 doubts: ${mb(doubts)}`,
  );
  assert(size as number < 50e6, `${size} bytes`);
  // Whole pages are written after a checkpoint, which may come before each save.
  const aMinute = Math.max(first, ...next) / (saveEveryMs(SYMBOLS.length) / 60_000);
  assert(Math.max(...next) < 2e6 && aMinute < 100e3, `${first}, ${next} bytes of WAL, ${aMinute} a minute`);
});
