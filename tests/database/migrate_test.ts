import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import { adviseOnDatabaseError, classifyDatabaseError } from "../../src/database/faults.ts";
import { migrate, prepareDatabase, readVersion, SCHEMA_VERSION } from "../../src/database/migrate.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import { rollups } from "../../src/database/timescale/rollups.ts";
import { recordKinds } from "../../src/records/mod.ts";
import { counts, select, writeOnce } from "../support/lanes.ts";
import { numberedBars, numbers } from "../support/numbered.ts";
import type { TestServer } from "../support/postgres.ts";
import { startBarline } from "../support/process.ts";
import { makeDirectory } from "../support/providers.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

/** Migrations, the tables and views of the kinds that bring their own, and the roll-ups. */
const STEPS = SCHEMA_VERSION + 2 * (Object.keys(recordKinds).length - 1) + rollups.length;

/** A new role that may log in, and the URL of the database for it. */
async function createRole(server: TestServer, url: string): Promise<{ role: string; theirs: string }> {
  const role = `role_${crypto.randomUUID().replaceAll("-", "")}`;
  await server.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  const theirs = new URL(url);
  theirs.username = role;
  theirs.password = "secret";
  return { role, theirs: theirs.href };
}

test("an empty database is brought to the version of the program", async (server) => {
  const database = databaseAt(await server.createDatabase());
  assertEquals(await withClient(database, readVersion), 0);
  assertEquals((await prepareDatabase(database)).length, STEPS);
  assertEquals(await withClient(database, readVersion), SCHEMA_VERSION);
  assertEquals(
    await select(database, "SELECT version, name <> '' AS named, applied_at <= now() AS told FROM barline_migration"),
    numbers(SCHEMA_VERSION, 1).map((version) => ({ version, named: true, told: true })),
  );
  assertEquals(await writeOnce(database, numberedBars(10)), counts(10));
});

test("a database that is up to date is left alone, and its rows too", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, numberedBars(10));
  assertEquals(await prepareDatabase(database), []);
  assertEquals(await select(database, "SELECT count(*)::int AS count FROM bars"), [{ count: 10 }]);
});

test("several connections that migrate at once all succeed, and one does the work", async (server) => {
  const database = databaseAt(await server.createDatabase());
  const applied = await Promise.all(numbers(5).map(() => prepareDatabase(database)));
  assertEquals(applied.map((names) => names.length).sort(), [0, 0, 0, 0, STEPS]);
});

test("several connections that migrate at once succeed also where transactions are serializable", async (server) => {
  const url = await server.createDatabase();
  await server.query(
    `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_isolation = serializable`,
  );
  const database = databaseAt(url);
  const applied = await Promise.all(numbers(5).map(() => prepareDatabase(database)));
  assertEquals(applied.flat().length, STEPS);
});

test("two processes that migrate at once both succeed", async (server) => {
  const url = await server.createDatabase();
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  const both = numbers(2).map(() => startBarline(["migrate", "--database", url], { cwd: directory }).ended);
  const ended = await Promise.all(both);
  assertEquals(ended.map(({ code }) => code), [0, 0], ended.map(({ stderr }) => stderr).join());
  assertEquals(ended.filter(({ stdout }) => stdout.includes("applied")).length, 1);
  assertEquals(ended.filter(({ stdout }) => stdout.includes("up to date")).length, 1);
  await Deno.remove(directory, { recursive: true });
});

test("a step that fails leaves nothing of any step behind", async (server) => {
  const url = await server.createDatabase();
  const database = databaseAt(url);
  // In the way of the last object that the first step makes.
  await server.query("CREATE DOMAIN bars AS int", url);
  const error = await assertRejects(() => withClient(database, migrate), Error);
  assertEquals((error as { code?: string }).code, "42710");
  assertEquals(await select(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"), []);
});

test("a database of a newer version is refused, and the message says what to do", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await server.query(`INSERT INTO barline_migration (version, name) VALUES (${SCHEMA_VERSION + 1}, 'future')`, url);
  const error = await assertRejects(() => prepareDatabase(database), Error);
  assertStringIncludes(error.message, new URL(url).pathname);
  assertEquals(
    (error.cause as Error).message,
    `Cannot use a database of schema version ${SCHEMA_VERSION + 1}: this program knows version ${SCHEMA_VERSION}. ` +
      "Use the newer program that migrated it",
  );
});

test("a user who must not create tables is refused, fatally and with advice", async (server) => {
  const url = await server.createDatabase();
  await server.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC", url);
  const { theirs } = await createRole(server, url);
  const error = await assertRejects(() => withClient(databaseAt(theirs), migrate), Error);
  assertEquals((error as { code?: string }).code, "42501");
  assertEquals(classifyDatabaseError(error), "fatal");
  assertStringIncludes(adviseOnDatabaseError(error), "Grant the user CREATE on the schema, or run `barline migrate`");
});

test("a user who must not create tables can write into existing ones", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const { role, theirs } = await createRole(server, url);
  await server.query(
    `REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON barline_migration, barline_destination TO ${role};
    GRANT SELECT, INSERT ON series, series_key TO ${role}; GRANT SELECT, INSERT, UPDATE ON bar TO ${role};
    GRANT INSERT ON stream_log TO ${role}`,
    url,
  );
  assertEquals(await prepareDatabase(databaseAt(theirs)), []);
  assertEquals(await writeOnce(databaseAt(theirs), numberedBars(20)), counts(20));
  const changed = numberedBars(20).map((bar) => ({ ...bar, volume: 2 }));
  assertEquals(await writeOnce(databaseAt(theirs), changed), counts(20, 0, 0, 20), "updates too");
  const [{ count }] = await select(database, "SELECT count(*)::int AS count FROM bars");
  assert(count === 20);
});

test("--plan prints a script that makes the whole schema, and changes nothing", async (server) => {
  const url = await server.createDatabase();
  const plan = async () => {
    await using directory = await makeDirectory();
    return await startBarline(["migrate", "--plan", "--database", url], { cwd: directory.path }).ended;
  };
  const { code, stdout } = await plan();
  assertEquals(code, 0);
  const database = databaseAt(url);
  assertEquals(await select(database, "SELECT FROM pg_tables WHERE schemaname = 'public'"), []);
  await select(database, stdout);
  assertEquals(await prepareDatabase(database), []);
  assertEquals((await plan()).stdout, "-- Nothing to do\n");
});

test("--plan makes no embedded database", async () => {
  await using directory = await makeDirectory();
  const { code, stdout } = await startBarline(["migrate", "--plan", "--data-dir", "data"], { cwd: directory.path })
    .ended;
  assertEquals(code, 0);
  assertStringIncludes(stdout, "CREATE TABLE public.bar (");
  assertEquals([...Deno.readDirSync(directory.path)], []);
});

test("without the extension nothing of TimescaleDB is planned, nor missed", async (server) => {
  const { database } = await migratedDatabase(server);
  const [{ found }] = await select(
    database,
    "SELECT count(*)::int AS found FROM pg_available_extensions WHERE name = 'timescaledb'",
  );
  if (found === 1) return;
  const problems: Error[] = [];
  assertEquals(await applyTimescale(database, { retention: "30d" }, (problem) => problems.push(problem)), []);
  assertEquals(problems, []);
});
