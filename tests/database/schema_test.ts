import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { checkDatabase } from "../../src/cli/doctor/database.ts";
import { type Database, withClient } from "../../src/database/database.ts";
import { adviseOnDatabaseError, classifyDatabaseError } from "../../src/database/faults.ts";
import { migrate, prepareDatabase } from "../../src/database/migrate.ts";
import { relations } from "../../src/database/schema/description.ts";
import type { Relation } from "../../src/database/schema/relation.ts";
import { inspectSchema } from "../../src/database/schema/inspect.ts";
import { grantRights, type Uses } from "../../src/database/schema/rights.ts";
import { recordKinds } from "../../src/records/mod.ts";
import { type DescribedRelation, describeSchema } from "../support/describe_schema.ts";
import { counts, select, writeOnce } from "../support/lanes.ts";
import { numberedBars } from "../support/numbered.ts";
import { olderThan, type TestServer } from "../support/postgres.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { startStandby } from "../support/standby.ts";

const { test, controlTest } = useServer();
const KINDS = Object.keys(recordKinds);

const doctor = (database: Database) =>
  withClient(database, (client, names) => checkDatabase(client, names, { kinds: KINDS, coverage: true }));
const describe = (database: Database) => withClient(database, describeSchema);

/** What a preparation is refused with. */
async function refusal(database: Database): Promise<Error> {
  const { cause } = await assertRejects(() => prepareDatabase(database, { uses: { kinds: ["bar"] } }), Error);
  assertEquals(classifyDatabaseError(cause), "fatal");
  return cause as Error;
}

/** A new role that may log in, and the database for it. */
async function roleOf(server: TestServer, url: string): Promise<{ role: string; database: Database }> {
  const role = `role_${crypto.randomUUID().replaceAll("-", "")}`;
  await server.query(`CREATE ROLE ${role} LOGIN`);
  const theirs = new URL(url);
  theirs.username = role;
  return { role, database: databaseAt(theirs.href) };
}

test("the description is what the migrations, kinds and roll-ups make; else run `deno task describe`", async (server) => {
  const { database } = await migratedDatabase(server);
  const made = await describe(database);
  const shape = ({ name, kind, columns, keys, triggers }: Omit<DescribedRelation, "create"> | Relation) => ({
    name,
    kind,
    columns: columns.toSorted((a, b) => a.name < b.name ? -1 : 1),
    keys,
    triggers: triggers.map((trigger) => trigger.name),
  });
  const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
  assertEquals(made.relations.map(shape).toSorted(byName), relations.map(shape).toSorted(byName));
  assertStringIncludes(await doctor(database), "schema up to date");
});

test("dropped parts are created again, the same as before", async (server) => {
  const { database } = await migratedDatabase(server);
  const before = await describe(database);
  const order = ({ relations, functions }: typeof before) => ({
    relations: relations.toSorted((a, b) => a.name < b.name ? -1 : 1),
    functions,
  });
  for (const { name, kind } of relations.filter(({ name }) => name !== "barline_migration")) {
    await select(database, `DROP ${kind} ${name} CASCADE`);
    const applied = await prepareDatabase(database);
    assert(applied.includes(name), `${name} is not in ${applied}`);
    assertEquals(order(await describe(database)), order(before), name);
  }
  for (const { name } of before.functions) {
    await select(database, `DROP FUNCTION ${name} CASCADE`);
    await prepareDatabase(database);
    assertEquals(order(await describe(database)), order(before), name);
  }
  assertEquals(await writeOnce(database, numberedBars(10)), counts(10));
});

test("views that lack a column, as an older migrate made them, are found and created again", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(
    database,
    `DROP VIEW bars; CREATE VIEW bars AS SELECT s.tenant, s.provider, s.symbol, r.ts, r.open, r.high, r.low, r.close,
  r.volume, r.vwap, r.trades, r.status, r.received_at, r.series_id FROM bar r JOIN series_key s ON s.id = r.series_id`,
  );
  assertStringIncludes(await doctor(database), "start makes bars");
  assertEquals(await prepareDatabase(database), ["bars"]);
  await writeOnce(database, numberedBars(1));
  assertEquals(await select(database, "SELECT timeframe, status FROM bars"), [{ timeframe: "1m", status: "final" }]);
});

for (
  const [change, message] of [
    ["ALTER TABLE bar DROP COLUMN trades CASCADE", "ALTER TABLE public.bar ADD COLUMN trades integer"],
    ["ALTER TABLE bar ADD COLUMN note text NOT NULL", "ALTER TABLE public.bar ALTER COLUMN note DROP NOT NULL"],
    ["ALTER TABLE bar DROP CONSTRAINT bar_pkey", 'Table "bar" has no unique key of series_id, ts'],
    [
      "ALTER TABLE bar DROP CONSTRAINT bar_pkey; ALTER TABLE bar ADD PRIMARY KEY (series_id, ts) DEFERRABLE",
      "a key that is DEFERRABLE does not do",
    ],
    [
      "ALTER TABLE series_key RENAME TO other; CREATE VIEW series_key AS SELECT * FROM other",
      'Cannot use the view "series_key"',
    ],
  ]
) {
  test(`after ${change} a start is refused, and doctor says the same`, async (server) => {
    const { database } = await migratedDatabase(server);
    await select(database, change);
    assertStringIncludes((await refusal(database)).message, message);
    await assertRejects(() => doctor(database), Error, message);
  });
}

test("a start warns of a column of another type, and doctor fails", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(database, "DROP VIEW bars, latest_bars, bars_5m, bars_15m, bars_1h, bars_1d CASCADE");
  await select(database, "ALTER TABLE bar ALTER COLUMN volume TYPE numeric");
  const told: string[] = [];
  await prepareDatabase(database, { warn: (message) => told.push(message) }).catch(() => {});
  const expected = 'Column "volume" of "bar" is of the type numeric, expected double precision';
  assertStringIncludes(told.join(), expected);
  await assertRejects(() => doctor(database), Error, expected);
});

test("a start warns of a table, or a partition, that a crash of the server empties, and doctor fails", async (server) => {
  const { database } = await migratedDatabase(server);
  const warnings = async () => {
    const told: string[] = [];
    await prepareDatabase(database, { warn: (message) => told.push(message) });
    return told;
  };
  await select(database, "ALTER TABLE bar SET UNLOGGED");
  assertStringIncludes((await warnings()).join(), "ALTER TABLE public.bar SET LOGGED");
  await assertRejects(() => doctor(database), Error, 'Table "bar", or a partition of it, is UNLOGGED');
  await select(database, "ALTER TABLE bar SET LOGGED");
  assertEquals(await warnings(), []);
  await select(database, "ALTER TABLE bar RENAME TO whole");
  await select(database, "CREATE TABLE bar (LIKE whole INCLUDING ALL) PARTITION BY RANGE (ts)");
  await select(database, "CREATE UNLOGGED TABLE bar_rest PARTITION OF bar DEFAULT");
  assertStringIncludes((await warnings()).join(), "UNLOGGED");
});

test("a rule that rewrites written rows is refused at a start by its name, and other rules are accepted", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(database, "CREATE RULE kept AS ON DELETE TO bar DO INSTEAD NOTHING");
  assertEquals(await prepareDatabase(database), []);
  for (const rule of ["AS ON INSERT TO bar DO INSTEAD NOTHING", "AS ON UPDATE TO bar DO ALSO NOTIFY changed"]) {
    await select(database, `CREATE RULE "my rule" ${rule}`);
    assertStringIncludes((await refusal(database)).message, 'DROP RULE "my rule" ON public.bar');
    await assertRejects(() => doctor(database), Error, 'the rule "my rule"');
    await select(database, 'DROP RULE "my rule" ON bar');
  }
});

test("relations of others under Barline's names are left alone, and named with their owner", async (server) => {
  for (const made of ["TABLE series", "TABLE bars", "TABLE news", "TABLE options"]) {
    const database = databaseAt(await server.createDatabase());
    await select(database, `CREATE ${made} (id int)`);
    const { message } = await refusal(database);
    assertStringIncludes(
      message,
      `the table "${made.split(" ")[1]}" belongs to role "postgres" and is not Barline's: use --schema NAME`,
    );
    assert(!/drop/i.test(message), message);
    await assertRejects(() => doctor(database), Error, message);
    assertEquals(await select(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"), [
      { tablename: made.split(" ")[1] },
    ]);
  }
});

test("tables in another schema of the search path, also those of other owners, are not taken for Barline's", async (server) => {
  const url = await server.createDatabase();
  await select(databaseAt(url), "CREATE TABLE news (id int)");
  await prepareDatabase(databaseAt(await server.createDatabase()));
  const { role, database } = await roleOf(server, url);
  await server.query(`CREATE SCHEMA ${role} AUTHORIZATION ${role}`, url);
  await prepareDatabase(database);
  assertEquals((await withClient(database, inspectSchema)).names.schema, role);
  assertEquals(await writeOnce(database, numberedBars(10)), counts(10));
  assertEquals(await server.query(`SELECT count(*)::int AS bars FROM ${role}.bar`, url), [{ bars: 10 }]);
  assertEquals(await select(databaseAt(url), "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"), [
    { tablename: "news" },
  ]);
});

test("Barline in public does not get the bars of another Barline whose schema comes first", async (server) => {
  const { url } = await migratedDatabase(server);
  const { role, database } = await roleOf(server, url);
  await server.query(`CREATE SCHEMA ${role} AUTHORIZATION ${role}`, url);
  await prepareDatabase(database);
  await writeOnce(database, numberedBars(10));
  assertEquals(await server.query("SELECT count(*)::int AS bars FROM public.bar", url), [{ bars: 0 }]);
});

test("an empty search path is refused with advice", async (server) => {
  const url = await server.createDatabase();
  const { role, database } = await roleOf(server, url);
  await server.query(`ALTER ROLE ${role} SET search_path = ''`);
  assertStringIncludes((await refusal(database)).message, `ALTER ROLE "${role}" SET search_path = public`);
});

test("a table that its user has partitioned works without a change, and doctor says what must exist ahead", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(
    database,
    `DROP TABLE bar CASCADE;
CREATE TABLE bar (ts timestamptz NOT NULL, open float8 NOT NULL, high float8 NOT NULL, low float8 NOT NULL,
  close float8 NOT NULL, volume float8 NOT NULL, received_at timestamptz NOT NULL, vwap float8, series_id integer NOT NULL,
  trades integer, status "char" NOT NULL DEFAULT 'f', PRIMARY KEY (series_id, ts)) PARTITION BY RANGE (ts);
CREATE TABLE bar_2024 PARTITION OF bar FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')`,
  );
  await prepareDatabase(database);
  assertEquals(await prepareDatabase(database), []);
  assertEquals(await writeOnce(database, numberedBars(10)), counts(10));
  const changed = numberedBars(10).map((bar) => ({ ...bar, volume: 2 }));
  const updated = olderThan({ version: 18 }) === undefined ? 10 : null;
  assertEquals(
    await writeOnce(database, changed),
    counts(10, 0, 0, updated),
    "a partitioned table cannot tell below 18",
  );
  assertEquals(await select(database, "SELECT count(*)::int AS bars FROM bars"), [{ bars: 10 }]);
  assertStringIncludes(await doctor(database), "bar has no DEFAULT partition");
  await select(database, "CREATE TABLE bar_rest PARTITION OF bar DEFAULT");
  assert(!(await doctor(database)).includes("partition"));
});

test("missing rights are named with the statements that give them, and migrate --grant gives them all", async (server) => {
  const { url, database: owner } = await migratedDatabase(server);
  const { role, database } = await roleOf(server, url);
  await select(owner, `GRANT SELECT ON barline_migration, barline_destination, bar TO ${role}`);
  const { message } = await refusal(database);
  assertStringIncludes(message, `GRANT INSERT, UPDATE ON public.bar TO ${role}`);
  assertStringIncludes(message, `GRANT SELECT, INSERT ON public.series_key TO ${role}`);
  assertStringIncludes(message, `barline migrate --grant ${role}`);
  assert(!message.includes("barline_migration"), message);
  await assertRejects(() => doctor(database), Error, `GRANT INSERT, UPDATE ON public.bar TO ${role}`);

  await withClient(owner, (client, names) => grantRights(client, names, role));
  assertEquals(await prepareDatabase(database, { uses: { kinds: KINDS } }), []);
  assertStringIncludes(await doctor(database), "schema up to date");
  assertEquals(await writeOnce(database, numberedBars(10)), counts(10));
  await assertRejects(
    () => withClient(owner, (client, names) => grantRights(client, names, "nobody_here")),
    Error,
    "CREATE ROLE",
  );
});

test("a start requires rights on coverage for feeds, and on leases for shards", async (server) => {
  const { url, database: owner } = await migratedDatabase(server);
  const { role, database } = await roleOf(server, url);
  await withClient(owner, (client, names) => grantRights(client, names, role));
  await select(owner, `REVOKE DELETE ON series_doubt, cluster_lease FROM ${role}`);
  const refused = async (uses: Uses) =>
    String((await assertRejects(() => prepareDatabase(database, { uses }), Error)).cause);
  assertEquals(await prepareDatabase(database, { uses: { kinds: ["bar"] } }), [], "a file needs neither");
  assertStringIncludes(
    await refused({ kinds: ["bar"], coverage: true }),
    `GRANT DELETE ON public.series_doubt TO ${role}`,
  );
  assertStringIncludes(await refused({ leases: true }), `GRANT DELETE ON public.cluster_lease TO ${role}`);
});

test("the advice about a refused write names the one right that is missing", async (server) => {
  const { url, database: owner } = await migratedDatabase(server);
  const { role, database } = await roleOf(server, url);
  await withClient(owner, (client, names) => grantRights(client, names, role));
  await select(owner, `REVOKE INSERT ON bar FROM ${role}`);
  const error = await assertRejects(() => writeOnce(database, numberedBars(1)), Error, "permission denied");
  assertEquals(
    adviseOnDatabaseError(error),
    "As the owner run `barline migrate --grant ROLE`, or GRANT SELECT, INSERT, UPDATE ON bar TO the user.",
  );
});

controlTest(
  "doctor fails for a hot standby, for a user who may only read, and where tables are missing",
  async (server, { port }) => {
    const { url, database } = await migratedDatabase(server);
    await using standby = await startStandby(port);
    const there = new URL(url);
    there.port = String(standby.port);
    await assertRejects(() => doctor(databaseAt(there.href)), Error, "hot standby");

    const { role, database: theirs } = await roleOf(server, url);
    await withClient(database, (client, names) => grantRights(client, names, role));
    await server.query(`ALTER ROLE ${role} SET default_transaction_read_only = on`);
    await assertRejects(() => doctor(theirs), Error, "may only read");
    await server.query(`ALTER ROLE ${role} RESET default_transaction_read_only`);
    await server.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC", url);
    await select(database, "DROP TABLE bar CASCADE");
    await assertRejects(() => doctor(theirs), Error, "must not create bar");
    await withClient(database, migrate);
    await withClient(database, (client, names) => grantRights(client, names, role));
    assertStringIncludes(await doctor(theirs), "schema up to date");
  },
  { program: "pg_basebackup" },
);
