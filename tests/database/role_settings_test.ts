import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { checkClock, checkDatabase } from "../../src/cli/doctor/database.ts";
import { keepCoverageInDatabase } from "../../src/database/coverage.ts";
import { type Database, withClient } from "../../src/database/database.ts";
import { adviseOnDatabaseError, classifyDatabaseError } from "../../src/database/faults.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { readNewest } from "../../src/database/newest.ts";
import { recordKinds } from "../../src/records/mod.ts";
import { counts, writeOnce } from "../support/lanes.ts";
import { numberedBar } from "../support/numbered.ts";
import type { TestServer } from "../support/postgres.ts";
import { missingPgbouncer, startPgbouncer } from "../support/pgbouncer.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

/** The database for a new superuser with these settings. */
async function roleWith(server: TestServer, url: string, ...settings: string[]) {
  const role = `set_${crypto.randomUUID().replaceAll("-", "")}`;
  await server.query(`CREATE ROLE ${role} SUPERUSER LOGIN`);
  for (const setting of settings) await server.query(`ALTER ROLE ${role} SET ${setting}`);
  const theirs = new URL(url);
  theirs.username = role;
  return { role, database: databaseAt(theirs.href) };
}

/** Prepares the database as a run that writes bars does. */
const prepare = (database: Database) => prepareDatabase(database, { uses: { kinds: ["bar"] } });

test("times, coverage and the schema are read back exactly under every output setting of the role", async (server) => {
  const url = await server.createDatabase();
  const { database } = await roleWith(
    ...[server, url, "extra_float_digits = -15", "DateStyle = 'German, DMY'", "IntervalStyle = sql_standard"] as const,
    ...["quote_all_identifiers = on", "TimeZone = 'Asia/Kathmandu'"],
  );
  const warnings: string[] = [];
  await prepareDatabase(database, { uses: { kinds: ["bar"] }, warn: (message) => warnings.push(message) });
  assertEquals(warnings, []);
  const found = await withClient(
    database,
    (client, names) => checkDatabase(client, names, { kinds: Object.keys(recordKinds), coverage: true }),
  );
  assertStringIncludes(found, "schema up to date");
  // The server is on the same machine.
  assert((await withClient(database, checkClock)).includes(" ms "));

  const bar = numberedBar(1, 1_717_416_123_456_789, { ts: Date.UTC(2024, 5, 3, 12, 34) });
  assertEquals(await writeOnce(database, [bar]), counts(1));
  const newest = await withClient(
    database,
    (client, names) => readNewest(client, names, "default", bar.provider, bar.timeframe),
  );
  assertEquals([...newest], [[bar.symbol, { ts: bar.ts, receivedAt: bar.receivedAt }]]);

  const owner = { provider: bar.provider, timeframe: bar.timeframe };
  const store = keepCoverageInDatabase({ tenant: "default", writer: "a", run: (work) => withClient(database, work) });
  const confirmed: [number, number][] = [[bar.ts - 3_600_000, bar.ts + 60_000]];
  const doubts = [{
    ...{ from: bar.ts + 60_000, to: bar.ts + 120_000, reason: "hole" as const, attempts: 1 },
    ...{ foundAt: bar.ts + 123_456, dueAt: bar.ts + 234_567 },
  }];
  await store.load(owner);
  await store.save(owner, [{ symbol: bar.symbol, confirmed, doubts }]);
  assertEquals([...await store.load(owner)], [[bar.symbol, { confirmed, doubts }]]);
});

test("a user or a database that may only read is refused at a start, with the statement that changes it", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const refusal = async (refused: Database) => {
    const { cause } = await assertRejects(() => prepare(refused), Error);
    assertEquals(classifyDatabaseError(cause), "fatal");
    return (cause as Error).message;
  };
  const { role, database: theirs } = await roleWith(server, url, "default_transaction_read_only = on");
  assertStringIncludes(await refusal(theirs), `ALTER ROLE "${role}" RESET default_transaction_read_only`);
  // Gaps are listed all the same.
  await prepareDatabase(theirs);
  const name = new URL(url).pathname.slice(1);
  await server.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  assertStringIncludes(await refusal(database), `ALTER DATABASE "${name}" RESET default_transaction_read_only`);
  const empty = await server.createDatabase();
  const { database: none } = await roleWith(server, empty, "default_transaction_read_only = on");
  assertStringIncludes(await refusal(none), "may only read");
});

test("no tables are made in a schema of the system", async (server) => {
  const url = await server.createDatabase();
  for (const path of ["pg_catalog", "pg_temp, pg_catalog", "information_schema, public"]) {
    const { role, database } = await roleWith(server, url, `search_path = ${path}`);
    const { cause } = await assertRejects(() => prepare(database), Error);
    assertStringIncludes((cause as Error).message, `ALTER ROLE "${role}" SET search_path = public`);
  }
});

test("a row that a policy refuses is reported with advice", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const role = `plain_${crypto.randomUUID().replaceAll("-", "")}`;
  await server.query(`CREATE ROLE ${role} LOGIN`);
  await server.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`, url);
  await server.query("ALTER TABLE bar ENABLE ROW LEVEL SECURITY", url);
  const theirs = new URL(url);
  theirs.username = role;
  const error = await assertRejects(() => writeOnce(databaseAt(theirs.href), [numberedBar(1)]), Error);
  assertEquals(classifyDatabaseError(error), "fatal");
  assertStringIncludes(adviseOnDatabaseError(error), "policy");
  await database[Symbol.asyncDispose]();
});

test("a pooler that allows no transactions is refused at a start, with what to set", async (server) => {
  if (missingPgbouncer() !== undefined) return;
  const { url } = await migratedDatabase(server);
  await using pooler = await startPgbouncer(Number(new URL(url).port), "statement");
  const pooled = new URL(url);
  pooled.port = String(pooler.port);
  const { cause } = await assertRejects(() => prepare(databaseAt(pooled.href)), Error);
  assertEquals(classifyDatabaseError(cause), "fatal");
  assertStringIncludes(adviseOnDatabaseError(cause), "pool_mode");
});
