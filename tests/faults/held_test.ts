import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Database } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { counts, select, writeOnce } from "../support/lanes.ts";
import { numberedBar, numberedBars, numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import { makeServerDirectory, startPostgres, type TestServer } from "../support/postgres.ts";
import { type RunningPipeline, startPipeline } from "../support/pipeline.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { testWhere } from "../support/skip.ts";
import { canMount } from "./harness/surroundings.ts";

const { test, controlTest } = useServer();

/** What is done to a server while a run writes. */
type Disturb = (scene: { server: TestServer; url: string; pipeline: RunningPipeline }) => Promise<unknown>;

/** Disturbs a run, and finds each bar that was sent in the table. */
async function holds(server: TestServer, disturb: Disturb, settings: Record<string, string> = {}): Promise<void> {
  const { url, database } = await migratedDatabase(server);
  const source = numberedProvider();
  await using pipeline = await startPipeline(url, [source], { writeTimeoutMs: "300", ...settings });
  await pipeline.batches(5);
  await disturb({ server, url, pipeline });
  await pipeline.batches(5);
  pipeline.app.stop();
  const { ledger, failure } = await pipeline.outcome;
  assertEquals([failure, pipeline.letters], [undefined, []]);
  assertEquals(ledger.received, source.sent);
  assertEquals(await storedNumbers(database), numbers(source.sent));
}

/** Waits until so many writes have failed as in an outage. */
async function outage(pipeline: RunningPipeline, writes: number): Promise<void> {
  let failed = 0;
  await pipeline.next("write-failed", ({ fault }) => {
    assertEquals(fault, "transient");
    return ++failed >= writes;
  });
}

test("a run holds against an exclusive lock of the table that is longer than any write may take", (server) =>
  holds(server, async ({ url, pipeline }) => {
    const database = databaseAt(url);
    const blocker = await database.connect();
    try {
      await blocker.query("BEGIN; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
      await outage(pipeline, 5);
      await blocker.query("COMMIT");
    } finally {
      await blocker.end();
    }
  }));

for (
  const [what, statement, times] of [
    ["VACUUM FULL", "VACUUM FULL bar", 5],
    ["REINDEX CONCURRENTLY", "REINDEX TABLE CONCURRENTLY bar", 15],
    ["CLUSTER", "CLUSTER bar USING bar_pkey", 5],
  ] as const
) {
  test(`a run holds against ${what} again and again`, (server) =>
    holds(server, async ({ url, pipeline }) => {
      for (let time = 0; time < times; time++) {
        await server.query(statement, url);
        await pipeline.batches(1);
      }
    }, { writeTimeoutMs: "10000" }));
}

test("a run holds against sixty terminations of its sessions", (server) =>
  holds(server, async ({ url, pipeline }) => {
    for (let terminated = 0; terminated < 60;) {
      const rows = await server.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'barline' AND datname = current_database()`,
        url,
      );
      terminated += rows.length;
      await pipeline.batches(1);
    }
  }));

controlTest(
  "a run holds while the synchronous standby is away, and local commits do not wait for it",
  async (server) => {
    const set = async (names: string) => {
      await server.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await server.query("SELECT pg_reload_conf()");
    };
    try {
      await holds(server, async ({ pipeline }) => {
        await set("away");
        await outage(pipeline, 3);
        await set("");
      });
      await holds(server, async ({ pipeline }) => {
        await set("away");
        await pipeline.batches(20);
        assertEquals(pipeline.events.of("write-failed"), []);
        await set("");
      }, { synchronousCommit: "local" });
    } finally {
      await set("");
    }
  },
);

testWhere(canMount(), "a run holds while the disk of the table's tablespace is full", async () => {
  const server = await startPostgres();
  const directory = await makeServerDirectory();
  const execute = (program: string, ...args: string[]) => new Deno.Command(program, { args }).output();
  await execute("mount", "-t", "tmpfs", "-o", "size=24m", "none", directory);
  try {
    const place = join(directory, "space");
    await Deno.mkdir(place);
    await execute("chown", "postgres", place);
    await server.query(`CREATE TABLESPACE small LOCATION '${place}'`);
    await holds(server, async ({ url, pipeline }) => {
      await server.query("ALTER TABLE bar SET TABLESPACE small", url);
      const filler = join(directory, "filler");
      await execute("dd", `of=${filler}`, "if=/dev/zero", "bs=64k");
      await pipeline.next("write-failed", ({ error }) => (error as { code?: string }).code === "53100");
      await outage(pipeline, 3);
      await Deno.remove(filler);
      await pipeline.batches(5);
      await server.query("ALTER TABLE bar SET TABLESPACE pg_default", url);
    }, { writeTimeoutMs: "5000" });
  } finally {
    await server[Symbol.asyncDispose]();
    await execute("umount", directory);
    await Deno.remove(directory, { recursive: true });
  }
});

/** Settings of a role that change how sessions read and write, all at odds with the defaults. */
const ROLE_SETTINGS = [
  "default_transaction_isolation = serializable",
  "default_transaction_deferrable = on",
  "lock_timeout = '5s'",
  "idle_in_transaction_session_timeout = '5s'",
  "DateStyle = 'German, DMY'",
  "IntervalStyle = sql_standard",
  "TimeZone = 'Asia/Kathmandu'",
  "bytea_output = escape",
  "extra_float_digits = -10",
  "standard_conforming_strings = off",
  "client_encoding = LATIN1",
  "row_security = off",
  "transform_null_equals = on",
  "plan_cache_mode = force_generic_plan",
];

test("bars are stored to the last bit under fourteen settings of the role", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const bars = (from: number) => numberedBars(50, from).map((bar) => ({ ...bar, vwap: bar.open + 0.1 + 0.2 }));
  for (const [at, setting] of ROLE_SETTINGS.entries()) {
    const role = `odd_${crypto.randomUUID().slice(0, 8)}`;
    await server.query(`CREATE ROLE ${role} SUPERUSER LOGIN; ALTER ROLE ${role} SET ${setting}`);
    const theirs = new URL(url);
    theirs.username = role;
    const there = databaseAt(theirs.href);
    assertEquals(await writeOnce(there, bars(at * 50)), counts(50), setting);
    assertEquals(await writeOnce(there, bars(at * 50)), counts(0, 50), setting);
    assertEquals(
      await writeOnce(there, bars(at * 50).map((bar) => ({ ...bar, volume: 2 }))),
      counts(50, 0, 0, 50),
      setting,
    );
  }
  const count = ROLE_SETTINGS.length * 50;
  assertEquals(await storedNumbers(database), numbers(count));
  const exact = await select(
    database,
    "SELECT count(*)::int AS count FROM bar WHERE vwap = open + 0.1::float8 + 0.2::float8",
  );
  assertEquals(exact, [{ count }]);
});

/** A migrated database in another encoding. */
async function encodedDatabase(server: TestServer, encoding: string): Promise<{ url: string; database: Database }> {
  const name = `encoded_${crypto.randomUUID().slice(0, 8)}`;
  await server.query(`CREATE DATABASE ${name} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const database = databaseAt(url.href);
  await prepareDatabase(database);
  return { url: url.href, database };
}

for (const { encoding, refused } of [{ encoding: "SQL_ASCII", refused: 0 }, { encoding: "LATIN1", refused: 1 }]) {
  test(`a database in ${encoding} takes every text that it can write, and no other bar is lost`, async (server) => {
    const { url, database } = await encodedDatabase(server, encoding);
    const symbols = ["BTC", "É", "Ł"];
    const source = numberedProvider({
      count: 300,
      make: (number, receivedAt) =>
        numberedBar(number, receivedAt, { symbol: symbols[number === 150 ? 2 : number % 2] }),
    });
    await using pipeline = await startPipeline(url, [source]);
    const { ledger, failure } = await pipeline.outcome;
    assertEquals([failure, ledger.deadLettered], [undefined, refused]);
    assert(pipeline.letters.every(({ item }) => (item as { symbol: string }).symbol === "Ł"));
    const [{ count }] = await select(database, "SELECT count(DISTINCT symbol)::int AS count FROM bars");
    assertEquals(count, symbols.length - refused);
  });
}

test("eighty-one odd rows come back as they were, and every view reads them", async (server) => {
  const { database } = await migratedDatabase(server);
  const symbols = ["'", '"', "\\", "%s", "a b", "🚀", "a\u0301", "x".repeat(500), "; DROP TABLE bar"];
  const values = [0, -0, 5e-324, Number.MIN_VALUE * 3, 1.7976931348623157e308, -1e308, 0.1 + 0.2, 2 ** 53 + 2, 1e-300];
  const bars = symbols.flatMap((symbol, at) =>
    values.map((value, minute) =>
      numberedBar(0, 1000 + at, {
        ...{ symbol, ts: Date.UTC(minute % 2 === 0 ? 1970 : 2200, 0, 1, 0, minute) },
        ...{ open: value, high: value, low: value, close: value, volume: value, vwap: value },
      })
    )
  );
  assertEquals(await writeOnce(database, bars), counts(81));
  assertEquals(await writeOnce(database, bars), counts(0, 81));
  const rows = await select(database, "SELECT symbol, extract(epoch FROM ts)::float8 * 1000 AS ts, vwap FROM bars");
  const key = (symbol: unknown, ts: unknown) => `${symbol} ${ts}`;
  const stored = new Map(rows.map(({ symbol, ts, vwap }) => [key(symbol, ts), vwap]));
  for (const { symbol, ts, vwap } of bars) assertEquals(stored.get(key(symbol, ts)), vwap);
  for (const view of ["latest_bars", "data_freshness", "bars_5m", "bars_1h", "bars_1d"]) {
    await select(database, `SELECT * FROM ${view}`);
  }
});
