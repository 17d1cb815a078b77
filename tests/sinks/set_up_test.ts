import { assertEquals, assertRejects } from "@std/assert";
import type { Database } from "../../src/database/database.ts";
import { adviseOnDatabaseError } from "../../src/database/faults.ts";
import type { Bar } from "../../src/records/bar.ts";
import { barSink, counts, never, select, withLane, writeOnce } from "../support/lanes.ts";
import { numberedBar, numberedBars } from "../support/numbered.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { rowsOf } from "../support/frames.ts";

const { test, controlTest } = useServer();

/** What the error of a write means, its SQLSTATE, and what is advised. */
async function faultOf(database: Database, bars: readonly Bar[]): Promise<[string, string | undefined, string]> {
  const error = await assertRejects(() => writeOnce(database, bars));
  return [barSink(database).classify(error), (error as { code?: string }).code, adviseOnDatabaseError(error)];
}

test("a column that became numeric is written by the upsert, and the connection stays", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(
    database,
    `DO $$ DECLARE name text; BEGIN FOR name IN SELECT relname FROM pg_class WHERE relkind = 'v'
    AND relnamespace = 'public'::regnamespace LOOP EXECUTE 'DROP VIEW IF EXISTS ' || name || ' CASCADE'; END LOOP; END $$`,
  );
  await select(database, "ALTER TABLE bar ALTER COLUMN volume TYPE numeric");
  await withLane(database, async (lane) => {
    assertEquals(await lane.write(rowsOf(numberedBars(100)), never), counts(100));
    assertEquals(await lane.write(rowsOf(numberedBars(100, 100)), never), counts(100));
  });
  const mine = "SELECT count(*)::int AS count, sum(volume)::int AS volume FROM bar";
  assertEquals(await select(database, mine), [{ count: 200, volume: 200 }]);
});

test("a table without replica identity in a publication is fatal, with advice", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, [numberedBar(0)]);
  await select(database, "ALTER TABLE bar REPLICA IDENTITY NOTHING");
  await select(database, "CREATE PUBLICATION all_bars FOR TABLE bar");
  assertEquals(await faultOf(database, [numberedBar(0, 9, { volume: 2 })]), [
    "fatal",
    "55000",
    "Run `ALTER TABLE … REPLICA IDENTITY DEFAULT` for the table, or take it out of the publication.",
  ]);
});

test("a key that is deferrable is fatal, with advice", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, [numberedBar(0)]);
  await select(database, "ALTER TABLE bar DROP CONSTRAINT bar_pkey");
  await select(database, "ALTER TABLE bar ADD PRIMARY KEY (series_id, ts) DEFERRABLE INITIALLY DEFERRED");
  assertEquals(await faultOf(database, [numberedBar(0, 9, { volume: 2 })]), [
    "fatal",
    "55000",
    "Make the primary key of the table again without DEFERRABLE.",
  ]);
});

test("a partition that is missing is fatal, with advice, and refuses no record", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(database, "ALTER TABLE bar RENAME TO old_bar");
  await select(
    database,
    "CREATE TABLE bar (LIKE old_bar INCLUDING DEFAULTS, PRIMARY KEY (series_id, ts)) PARTITION BY RANGE (ts)",
  );
  await select(database, "CREATE TABLE bar_old PARTITION OF bar FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')");
  assertEquals(await faultOf(database, numberedBars(10)), [
    "fatal",
    "23514",
    "Create the partition that is missing, and a DEFAULT partition for all other times.",
  ]);
});

test("a foreign column without a default is fatal, with advice, and refuses no record", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(database, "ALTER TABLE bar ADD COLUMN added integer NOT NULL");
  assertEquals(await faultOf(database, numberedBars(10)), ["fatal", "23502", "Give the column a default, or drop it."]);
});

test("a record that a trigger refuses for a missing value is at fault itself, as no column is named", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(
    database,
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE 'no' USING ERRCODE = '23502';
    END $$`,
  );
  await select(database, "CREATE TRIGGER refuse BEFORE INSERT ON bar FOR EACH ROW EXECUTE FUNCTION refuse()");
  assertEquals((await faultOf(database, numberedBars(10))).slice(0, 2), ["poison", "23502"]);
});

controlTest("a database that is closed for a while is an outage", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const [{ name }] = await select(database, "SELECT current_database() AS name");
  await server.query("CREATE ROLE plain_user LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO plain_user", url);
  await server.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
  const as = new URL(url);
  as.username = "plain_user";
  const [fault, state] = await faultOf(databaseAt(as.href), numberedBars(1));
  assertEquals([fault, state], ["transient", "55000"]);
});
