import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import { numberedBar } from "../support/numbered.ts";
import { select, writeOnce } from "../support/lanes.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

test("a database gets a name of its own, once", async (server) => {
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
  const sql = await Deno.readTextFile(new URL("../../src/database/sql/0006_destination.sql", import.meta.url));
  await select(database, "ALTER VIEW bars SET (security_invoker = true)");
  await select(database, sql.slice(sql.indexOf("DO $views$")));
  assertEquals(
    await select(
      database,
      "SELECT relname, reloptions FROM pg_class WHERE relname IN ('bars', 'latest_bars') ORDER BY 1",
    ),
    [{ relname: "bars", reloptions: ["security_invoker=true"] }, { relname: "latest_bars", reloptions: null }],
  );
});
