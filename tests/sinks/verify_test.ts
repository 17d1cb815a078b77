import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import type { Database } from "../../src/database/database.ts";
import { classifyDatabaseError } from "../../src/database/faults.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { barSink, counts, never, select, withLane, writeOnce } from "../support/lanes.ts";
import { numberedBar, numberedBars } from "../support/numbered.ts";
import { missingPgbouncer, startPgbouncer } from "../support/pgbouncer.ts";
import { runServerProgram, type TestServer } from "../support/postgres.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { rowsOf } from "../support/frames.ts";

const { test, controlTest } = useServer();

const bar = (symbol: string, minute: number, receivedAt = minute) =>
  numberedBar(0, receivedAt, { symbol, ts: Date.UTC(2024, 0, 2, 14, minute) });

/** How many bars each symbol has, in the view and in the table. */
async function barsBySymbol(database: Database): Promise<Record<string, number>> {
  const rows = await select(
    database,
    "SELECT symbol, count(*)::int AS count FROM bars GROUP BY symbol ORDER BY symbol",
  );
  const [{ orphans }] = await select(
    database,
    "SELECT count(*)::int AS orphans FROM bar b WHERE NOT EXISTS (SELECT FROM series_key s WHERE s.id = b.series_id)",
  );
  assertEquals(orphans, 0, "bars without a series");
  return Object.fromEntries(rows.map(({ symbol, count }) => [symbol, count]));
}

for (const way of ["COPY", "the upsert"]) {
  test(`ids that belong to another series by now are read again before ${way} writes`, async (server) => {
    const { url, database } = await migratedDatabase(server);
    await withLane(database, async (lane) => {
      await lane.write(rowsOf([bar("BTC", 0)]), never);
      // The lane goes to the upsert after a COPY that met known keys.
      if (way === "the upsert") await lane.write(rowsOf([bar("BTC", 0)]), never);
      await server.query("TRUNCATE series_key RESTART IDENTITY; TRUNCATE bar", url);
      await server.query("INSERT INTO series_key (provider, symbol, timeframe) VALUES ('other', 'ETH', '1m')", url);
      assertEquals(await lane.write(rowsOf([bar("BTC", 1), bar("BTC", 2)]), never), counts(2));
    });
    assertEquals(await barsBySymbol(database), { BTC: 2 });
  });
}

controlTest("a restore in place under a lane that is open mixes no symbols", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const directory = await Deno.makeTempDir();
  await Deno.chmod(directory, 0o777);
  const dump = join(directory, "dump");
  await runServerProgram(directory, "pg_dump", "-Fc", "-f", dump, url);
  await withLane(database, async (lane) => {
    await lane.write(rowsOf([bar("BTC", 0)]), never);
    await runServerProgram(directory, "pg_restore", "--clean", "--single-transaction", "-d", url, dump);
    await writeOnce(database, [bar("ETH", 0)]);
    assertEquals(await lane.write(rowsOf([bar("BTC", 1)]), never), counts(1));
  });
  assertEquals(await barsBySymbol(database), { BTC: 1, ETH: 1 });
  await Deno.remove(directory, { recursive: true });
}, { program: "pg_dump" });

test("series that are deleted while lanes write leave no bar behind", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const sink = barSink(database);
  let isDone = false;
  const deleting = (async () => {
    while (!isDone) {
      await server.query("BEGIN; LOCK TABLE bar IN SHARE MODE; DELETE FROM bar; DELETE FROM series_key; COMMIT", url);
    }
  })();
  await Promise.all([1, 2].map(async (lane) => {
    await using opened = sink.openLane();
    for (let round = 0; round < 40; round++) {
      const bars = numberedBars(20, lane * 10_000 + round * 20);
      const write = () => opened.write(rowsOf(bars), never);
      // A deletion right behind the renewed ids is told as a fault that is tried again.
      const retry = async (error: unknown): Promise<unknown> => {
        assertEquals(classifyDatabaseError(error), "transient", String(error));
        return await write().catch(retry);
      };
      await write().catch(retry);
    }
  }));
  isDone = true;
  await deleting;
  await barsBySymbol(database);
});

test("a series that is deleted under a foreign key of the user's is added again, and no bar is refused", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(database, "ALTER TABLE bar ADD FOREIGN KEY (series_id) REFERENCES series_key (id)");
  await using sink = barSink(database);
  await using lane = sink.openLane();
  assertEquals(await lane.write(rowsOf([bar("A", 0), bar("B", 0)]), never), counts(2));
  await select(database, "WITH gone AS (DELETE FROM bar) SELECT 1");
  await select(database, "DELETE FROM series_key");
  assertEquals(await lane.write(rowsOf([bar("A", 1), bar("B", 1)]), never), counts(2));
  assertEquals(await lane.write(rowsOf([bar("A", 1), bar("C", 1)]), never), counts(1, 1));
  assertEquals(await barsBySymbol(database), { A: 1, B: 1, C: 1 });
});

test("one new series among a thousand known takes one number", async (server) => {
  const { database } = await migratedDatabase(server);
  const bars = (count: number) => Array.from({ length: count }, (_, at) => numberedBar(0, 1, { symbol: `S${at}` }));
  await writeOnce(database, bars(1000));
  await writeOnce(database, bars(1001));
  assertEquals(await select(database, "SELECT max(id) AS last FROM series_key"), [{ last: 1001 }]);
});

test("a sequence that is behind its table is set right with a warning, and the new series is added", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, [bar("A", 0), bar("B", 0), bar("C", 0)]);
  await select(database, "SELECT setval(pg_get_serial_sequence('series_key', 'id'), 1)");
  const notices: string[] = [];
  const warn = (message: string) => void notices.push(message);
  await using sink = openPostgresSink({ database, kind: recordKind("bar"), deadlineMs: 10_000, warn });
  await using lane = sink.openLane();
  assertEquals(await lane.write(rowsOf([bar("A", 1), bar("NEW", 1)]), never), counts(2));
  assertEquals(notices, ["The sequence of series_key.id was behind its table, it goes on after 3 now"]);
  assertEquals(await barsBySymbol(database), { A: 2, B: 1, C: 1, NEW: 1 });
});

test("a sequence that is used up is fatal, not the fault of a record", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(database, "ALTER SEQUENCE series_id_seq MAXVALUE 2");
  await writeOnce(database, [bar("A", 0), bar("B", 0)]);
  const error = await assertRejects(() => writeOnce(database, [bar("C", 0)]));
  assertEquals([(error as { code?: string }).code, barSink(database).classify(error)], ["2200H", "fatal"]);
});

/** Keeps every write of bars waiting for the time of `fn`. */
async function holdBars(database: Database, fn: () => Promise<void>): Promise<void> {
  const client = await database.connect();
  await client.query("BEGIN; LOCK TABLE bar IN EXCLUSIVE MODE");
  await fn().finally(() => client.end());
}

async function withBouncer(server: TestServer, fn: (pooled: string, direct: Database) => Promise<void>): Promise<void> {
  const { url, database } = await migratedDatabase(server);
  const { port, pathname } = new URL(url);
  await using bouncer = await startPgbouncer(Number(port));
  await fn(`postgres://postgres@127.0.0.1:${bouncer.port}${pathname}`, database);
}

if (missingPgbouncer() === undefined) {
  for (const way of ["COPY", "the upsert"]) {
    test(`the server ends ${way} at the statement timeout through PgBouncer too`, async (server) => {
      await withBouncer(server, async (pooled, direct) => {
        const sink = barSink(databaseAt(pooled, 200), 20_000);
        await using lane = sink.openLane();
        await lane.write(rowsOf([bar("A", 0)]), never);
        if (way === "the upsert") await lane.write(rowsOf([bar("A", 0)]), never);
        // As another client of the pooler leaves it.
        await select(databaseAt(pooled, 0), "SELECT 1");
        await holdBars(direct, async () => {
          const error = await assertRejects(() => lane.write(rowsOf([bar("A", 1), bar("A", 2)]), never));
          assertEquals([(error as { code?: string }).code, sink.isTooSlow?.(error)], ["57014", true]);
        });
        assertEquals(await lane.write(rowsOf([bar("A", 1), bar("A", 2)]), never), counts(2));
      });
    });
  }

  test("a connection through PgBouncer whose database is replaced behind it mixes no symbols", async (server) => {
    await withBouncer(server, async (pooled, direct) => {
      await withLane(databaseAt(pooled), async (lane) => {
        await lane.write(rowsOf([bar("AAPL", 0)]), never);
        await select(direct, "TRUNCATE series_key RESTART IDENTITY; TRUNCATE bar");
        await writeOnce(direct, [bar("MSFT", 0)]);
        assertEquals(await lane.write(rowsOf([bar("AAPL", 1)]), never), counts(1));
      });
      assertEquals(await barsBySymbol(direct), { AAPL: 1, MSFT: 1 });
    });
  });
}

test("a lane's own deadline says that the batch may be too large", async (server) => {
  const { database } = await migratedDatabase(server);
  const sink = barSink(database, 200);
  await using lane = sink.openLane();
  await holdBars(database, async () => {
    const error = await assertRejects(() => lane.write(rowsOf(numberedBars(2)), never));
    assertEquals(sink.isTooSlow?.(error), true);
  });
});
