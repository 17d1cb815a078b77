import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { findDifference, readDestination } from "../../src/database/destination.ts";
import { DEFAULT_SCHEMA, namesIn } from "../../src/database/names.ts";
import { destination } from "../../src/database/sql/0006_destination.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { withClient } from "../../src/database/database.ts";
import { numberedBar } from "../support/numbered.ts";
import { select, writeOnce } from "../support/lanes.ts";
import { makeServerDirectory, runServerProgram } from "../support/postgres.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { startStandby } from "../support/standby.ts";

const { test, controlTest } = useServer();

test("a database gets its own name, once", async (server) => {
  const [one, other] = [await migratedDatabase(server), await migratedDatabase(server)];
  const read = ({ database }: typeof one) => select(database, "SELECT id FROM barline_destination");
  const [[first], [second]] = [await read(one), await read(other)];
  assertMatch(String(first.id), /^[0-9a-f-]{36}$/);
  assertEquals(first.id === second.id, false);
  await assertRejects(
    () => select(one.database, "INSERT INTO barline_destination DEFAULT VALUES"),
    Error,
    "duplicate key",
  );
});

test("a series that has rows cannot be deleted, and one without can", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, [numberedBar(0)]);
  await assertRejects(
    () => select(database, "DELETE FROM series_key"),
    Error,
    'Cannot delete the series "S0" of numbered: bar has rows of it',
  );
  await withClient(database, async (client) => {
    await client.query("BEGIN; DELETE FROM bar; DELETE FROM series_key; COMMIT");
  });
  assertEquals(await select(database, "SELECT 1 FROM series_key"), []);
});

test("the migration of the views keeps their options", async (server) => {
  const { database } = await migratedDatabase(server);
  const sql = destination(namesIn(DEFAULT_SCHEMA));
  await select(database, "ALTER VIEW bars SET (security_invoker = true)");
  await select(database, sql.slice(sql.indexOf("DO $views$")));
  assertEquals(
    await select(
      database,
      "SELECT relname, reloptions FROM pg_class WHERE relname IN ('bars', 'latest_bars') ORDER BY 1",
    ),
    [{ relname: "bars", reloptions: ["security_invoker=true"] }, { relname: "latest_bars", reloptions: null }],
  );
}, { version: 15 });

test("a database is the same as before when rows have been added, and differs from any other", async (server) => {
  const { database } = await migratedDatabase(server);
  const before = await withClient(database, readDestination);
  await writeOnce(database, [numberedBar(0)]);
  const after = await withClient(database, readDestination);
  assertEquals(findDifference(before, after), undefined);
  assertEquals(findDifference(after, before), "an earlier state of the server, as by a snapshot");
  const other = await withClient((await migratedDatabase(server)).database, readDestination);
  assertEquals(findDifference(before, other), "another database");
});

controlTest("a database that is restored in place differs from before", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const before = await withClient(database, readDestination);
  const directory = await Deno.makeTempDir();
  await Deno.chmod(directory, 0o777);
  const dump = join(directory, "dump");
  await runServerProgram(directory, "pg_dump", "-Fc", "-f", dump, url);
  await runServerProgram(directory, "pg_restore", "--clean", "--single-transaction", "-d", url, dump);
  const after = await withClient(database, readDestination);
  assertEquals(findDifference(before, after), "a table of bars created again, as by a restore");
  await Deno.remove(directory, { recursive: true });
}, { program: "pg_dump" });

controlTest(
  "a dump restored into another database is another place than its original",
  async (server) => {
    const { url, database } = await migratedDatabase(server);
    const before = await withClient(database, readDestination);
    const directory = await makeServerDirectory();
    const dump = join(directory, "dump");
    await runServerProgram(directory, "pg_dump", "-Fc", "-f", dump, url);
    const copy = await server.createDatabase();
    await runServerProgram(directory, "pg_restore", "-d", copy, dump);
    const there = databaseAt(copy);
    const after = await withClient(there, readDestination);
    assertEquals([after.id, findDifference(before, after)], [before.id, "a database created again"]);
    assertEquals(await prepareDatabase(there), []);
    await writeOnce(there, [numberedBar(0)]);
    await Deno.remove(directory, { recursive: true });
  },
  { program: "pg_dump" },
);

controlTest("a standby that was promoted is another place than its primary was", async (server, { port }) => {
  const { url, database } = await migratedDatabase(server);
  const before = await withClient(database, readDestination);
  await using standby = await startStandby(port);
  await standby.promote();
  const there = new URL(url);
  there.port = String(standby.port);
  const after = await withClient(databaseAt(there.href), readDestination);
  assertEquals(after.id, before.id);
  assertEquals(findDifference(before, after), "a server that was promoted or recovered meanwhile");
}, { program: "pg_basebackup" });

controlTest("a role without the right to read more can still distinguish databases of a server", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await server.query("CREATE ROLE narrow LOGIN", url);
  const as = new URL(url);
  as.username = "narrow";
  const { id, system, table, wal } = await withClient(databaseAt(as.href), readDestination);
  const full = await withClient(database, readDestination);
  assertEquals([id, system, table], ["unknown", null, full.table]);
  assertMatch(String(wal), /^\d+$/);
});
