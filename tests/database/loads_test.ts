import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Database, withClient } from "../../src/database/database.ts";
import { readLoad } from "../../src/database/load_read.ts";
import { undoLoad } from "../../src/database/load_undo.ts";
import { recordLoads } from "../../src/database/loads.ts";
import { migrationSteps, prepareDatabase } from "../../src/database/migrate.ts";
import { namesIn } from "../../src/database/names.ts";
import { openPostgres } from "../../src/database/postgres.ts";
import { parseDatabaseUrl } from "../../src/config/database.ts";
import { grantRights } from "../../src/database/schema/rights.ts";
import { runStep } from "../../src/database/step.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { never, select } from "../support/lanes.ts";
import { missingPgbouncer, startPgbouncer } from "../support/pgbouncer.ts";
import { rowsOf } from "../support/frames.ts";
import { partitionBars } from "../support/partitions.ts";
import { minuteBars } from "../support/rollups.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { startTimescale } from "../support/timescale.ts";

const { test, controlTest } = useServer();
const MARCH = Date.UTC(2024, 2, 1);

/** Bars of files, of two symbols. */
const fileBars = (from: number, count: number, more: Partial<Bar> = {}): Bar[] =>
  minuteBars(MARCH + from * 60_000, count).map((bar) => ({ ...bar, provider: "replay", timeframe: "1m", ...more }));

/** Stores bars as a load, and gives its id. */
async function loadBars(database: Database, bars: readonly Bar[]): Promise<number> {
  const loads = recordLoads({ tenant: "default", run: (work, signal) => withClient(database, work, signal) });
  const load = await loads.begin("barline test", [{ path: "test.csv" }], never);
  const [first] = await loads.reserve(load, Date.now() * 1000, never);
  const sink = openPostgresSink({ database, kind: recordKind("bar"), loads: loads.book, deadlineMs: 60_000 });
  await using lane = sink.openLane();
  await lane.write(rowsOf(bars.map((bar, at) => ({ ...bar, receivedAt: first + at }))), never);
  await loads.finish(load, { ledger: { stored: bars.length }, used: first + bars.length }, never);
  return load;
}

async function undo(database: Database, id: number): Promise<{ removed: number; restored: number }> {
  const counts = { removed: 0, restored: 0 };
  await withClient(database, async (client, names) => {
    const load = (await readLoad(client, names, "default", id))!;
    await undoLoad(client, names, load, {
      isDry: false,
      onSeries({ removed, restored }) {
        counts.removed += removed;
        counts.restored += restored;
      },
    });
  });
  return counts;
}

const inSchema = (url: string) =>
  openPostgres({
    target: parseDatabaseUrl(url, { sslmode: "disable" }),
    schema: "Market data",
    statementTimeoutMs: 10_000,
  });

const dump = (database: Database, table = "bar") =>
  select(database, `SELECT b::text AS line FROM ${table} AS b ORDER BY b.series_id, b.ts`);

/** Loads, replaces a part and undoes that; the table is as it was. */
async function comesBack(database: Database, table = "bar"): Promise<void> {
  const bars = fileBars(0, 300);
  await loadBars(database, bars);
  const before = await dump(database, table);
  const others = fileBars(200, 200, { volume: -0, close: 0.1 + 0.2, high: 1e300, vwap: 5e-324 });
  const id = await loadBars(database, others);
  const { rows } = await withClient(
    database,
    (client, { of }) =>
      client.query(`SELECT count(*)::int AS kept FROM ${of("load_replaced")} WHERE load_id = $1`, [id]),
  );
  const known = new Set(bars.map(({ symbol, ts }) => `${symbol} ${ts}`));
  const replaced = others.filter(({ symbol, ts }) => known.has(`${symbol} ${ts}`)).length;
  assertEquals(rows, [{ kept: replaced }]);
  assertEquals(await undo(database, id), { removed: others.length - replaced, restored: replaced });
  assertEquals(await dump(database, table), before);
}

test("a load into a partitioned table can be undone", async (server) => {
  const { database } = await migratedDatabase(server);
  await partitionBars(database);
  await comesBack(database);
});

test("a load in a schema of its own, by a role that may only write, is recorded; its undo names the right it lacks", async (server) => {
  const url = await server.createDatabase();
  const role = `writer_${crypto.randomUUID().slice(0, 8)}`;
  await server.query(`CREATE ROLE ${role} LOGIN`, url);
  const owner = inSchema(url);
  await prepareDatabase(owner);
  await withClient(owner, (client, names) => grantRights(client, names, role));
  const own = new URL(url);
  own.username = role;
  const writer = inSchema(own.href);
  await prepareDatabase(writer, { uses: { kinds: ["bar"], loads: true } });
  const bars = fileBars(0, 50);
  await loadBars(writer, bars);
  const id = await loadBars(writer, fileBars(0, 50, { volume: 0.5 }));
  const refused = await assertRejects(() => undo(writer, id));
  assertStringIncludes((refused as Error).message, `GRANT DELETE ON "Market data".bar TO ${role}`);
  assertEquals(await undo(owner, id), { removed: 0, restored: bars.length });
  await comesBack(owner, '"Market data".bar');
});

test("a role that could write bars before the migration can record loads after it", async (server) => {
  const url = await server.createDatabase();
  const role = `older_${crypto.randomUUID().slice(0, 8)}`;
  await server.query(`CREATE ROLE ${role} LOGIN`, url);
  const database = databaseAt(url);
  await withClient(database, async (client) => {
    for (const step of migrationSteps(0, namesIn("public")).slice(0, 10)) await runStep(client, step);
    await client.query(`GRANT SELECT, INSERT, UPDATE ON bar, series_key TO ${role}`);
  });
  await prepareDatabase(database);
  const right = "has_table_privilege($1, $2, 'SELECT, INSERT, UPDATE, DELETE')";
  await withClient(database, async (client) => {
    for (const table of ["load", "load_time", "load_series", "load_replaced", "stream_log", "stream_trim"]) {
      assertEquals((await client.query(`SELECT ${right} AS may`, [role, table])).rows, [{ may: true }], table);
    }
  });
});

test("times of receipt that loads reserve at once never overlap", async (server) => {
  const { database } = await migratedDatabase(server);
  const loads = recordLoads({ tenant: "default", run: (work, signal) => withClient(database, work, signal) });
  const now = Date.now() * 1000;
  const reserved = await Promise.all(Array.from({ length: 8 }, async (_, at) => {
    const load = await loads.begin(`load ${at}`, [], never);
    return await loads.reserve(load, now, never);
  }));
  const sorted = reserved.toSorted(([a], [b]) => a - b);
  assertEquals(sorted[0][0], now);
  for (const [at, [from]] of sorted.slice(1).entries()) assertEquals(from, sorted[at][1]);
});

if (missingPgbouncer() === undefined) {
  controlTest("a load through a pooler in transaction mode can be undone", async (server, { port }) => {
    const { url } = await migratedDatabase(server);
    await using pooler = await startPgbouncer(port);
    const through = new URL(url);
    through.port = String(pooler.port);
    await comesBack(databaseAt(through.href));
  });
}

Deno.test("a load into compressed chunks of TimescaleDB can be undone, and roll-ups follow", async () => {
  await using server = await startTimescale();
  const database = await server.open();
  await prepareDatabase(database);
  await applyTimescale(database, {}, (problem) => Promise.reject(problem));
  await loadBars(database, fileBars(0, 300));
  const compress = "SELECT count(compress_chunk(chunk, true))::int FROM show_chunks('bar') AS chunk";
  const refresh = "CALL refresh_continuous_aggregate('bar_1h', NULL, NULL)";
  await select(database, compress);
  await select(database, refresh);
  const rollups = () => select(database, "SELECT h::text AS line FROM bars_1h h ORDER BY symbol, ts");
  const before = [await dump(database), await rollups()];
  const id = await loadBars(database, fileBars(200, 200, { volume: 3 }));
  await select(database, compress);
  await select(database, refresh);
  await undo(database, id);
  await select(database, refresh);
  assertEquals([await dump(database), await rollups()], before);
});
