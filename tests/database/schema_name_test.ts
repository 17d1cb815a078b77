import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseDatabaseUrl } from "../../src/config/database.ts";
import { type Database, withClient } from "../../src/database/database.ts";
import { readDestination } from "../../src/database/destination.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { identifier } from "../../src/database/names.ts";
import { openPostgres } from "../../src/database/postgres.ts";
import { changeGrants, readGrants } from "../../src/database/readers/grants.ts";
import { grantRights } from "../../src/database/schema/rights.ts";
import { useEveryStatement } from "../support/every_statement.ts";
import { counts, select, writeOnce } from "../support/lanes.ts";
import { numberedBars, numbers } from "../support/numbered.ts";
import { missingPgbouncer, startPgbouncer } from "../support/pgbouncer.ts";
import { missingServer, type TestServer } from "../support/postgres.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

/** A name that needs every kind of quoting. */
const ODD = `Mixed "Case" 50% 'of' it`;

/** The database, with its tables in the schema. */
const inSchema = (url: string, schema: string): Database =>
  openPostgres({ target: parseDatabaseUrl(url, { sslmode: "disable" }), schema, statementTimeoutMs: 10_000 });

/** A new role whose search_path leads nowhere, and the URL of the database for it. */
async function blindRole(server: TestServer, url: string): Promise<{ role: string; theirs: string }> {
  const role = `blind_${crypto.randomUUID().replaceAll("-", "")}`;
  await server.query(`CREATE ROLE ${role} LOGIN; ALTER ROLE ${role} SET search_path = ''`);
  const theirs = new URL(url);
  theirs.username = role;
  return { role, theirs: theirs.href };
}

for (const schema of ["public", "market", ODD]) {
  test(`every statement names the schema ${schema}: a search_path that leads nowhere changes no answer`, async (server) => {
    const plain = await migratedDatabase(server);
    const url = await server.createDatabase();
    const { role, theirs } = await blindRole(server, url);
    await server.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} OWNER TO ${role}`);
    await server.query(`ALTER SCHEMA public OWNER TO ${role}`, url);
    const database = inSchema(theirs, schema);
    const made = await prepareDatabase(database);
    assertEquals(made[0], schema === "public" ? "bars" : `schema ${identifier(schema)}`);
    assertEquals(await prepareDatabase(database), []);
    assertEquals(await useEveryStatement(database), await useEveryStatement(plain.database));
    const elsewhere = await select(
      databaseAt(url),
      "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema$)'",
    );
    assertEquals(elsewhere, [{ schemaname: schema }]);
  });

  test(`dropped parts of the schema ${schema} are created again in it`, async (server) => {
    const database = inSchema(await server.createDatabase(), schema);
    await prepareDatabase(database);
    const { of } = await withClient(database, (_, names) => Promise.resolve(names));
    await select(database, `DROP TABLE ${of("bar")} CASCADE; DROP FUNCTION ${of("bars_truncated")}`);
    assert((await prepareDatabase(database)).includes("bar"));
    assertEquals(await prepareDatabase(database), []);
    assertEquals(await writeOnce(database, numberedBars(10)), counts(10));
  });
}

test("rights for writers and rows for readers are those of the schema", async (server) => {
  const url = await server.createDatabase();
  const owner = inSchema(url, ODD);
  await prepareDatabase(owner);
  const writer = await blindRole(server, url);
  const uses = { kinds: ["bar"], coverage: true, leases: true };
  const refused = await assertRejects(() => prepareDatabase(inSchema(writer.theirs, ODD), { uses }), Error);
  assertStringIncludes(String(refused.cause), `GRANT USAGE ON SCHEMA ${identifier(ODD)} TO "${writer.role}"`);
  await withClient(owner, (client, names) => grantRights(client, names, writer.role));
  assertEquals(await prepareDatabase(inSchema(writer.theirs, ODD), { uses }), []);
  assertEquals(await writeOnce(inSchema(writer.theirs, ODD), numberedBars(10)), counts(10));

  const reader = await blindRole(server, url);
  for (const [tenant, seen] of [["default", 10], ["other", 0]] as const) {
    const change = { role: reader.role, tenant, isRevoked: false };
    await withClient(owner, (client, names) => changeGrants(client, names, change));
    const found = await server.query(`SELECT count(*)::int AS seen FROM ${identifier(ODD)}.bars`, reader.theirs);
    assertEquals(found, [{ seen }], tenant);
    await withClient(owner, (client, names) => changeGrants(client, names, { ...change, isRevoked: true }));
  }
}, { version: 15 });

test("two schemas of one database share no series, leases, identity, coverage or lock", async (server) => {
  const url = await server.createDatabase();
  const [one, other] = [inSchema(url, "one"), inSchema(url, "other")];
  await prepareDatabase(one);
  // Whoever changes the one schema keeps nobody from the other.
  await withClient(one, async (client, names) => {
    await client.query(`BEGIN; LOCK TABLE ${names.of("barline_migration")}`);
    await prepareDatabase(other);
    await client.query("ROLLBACK");
  });
  assertEquals(await useEveryStatement(other), await useEveryStatement(one), "each has all shards and all bars");
  const [first, second] = await Promise.all([one, other].map((each) => withClient(each, readDestination)));
  assertEquals([first.id === second.id, first.table === second.table], [false, false]);
});

test("readers of two schemas of one database have views of their own for each, and lose only those revoked", async (server) => {
  const url = await server.createDatabase();
  const { role, theirs } = await blindRole(server, url);
  const grant = (database: Database, isRevoked: boolean) =>
    withClient(database, (client, names) => changeGrants(client, names, { role, tenant: "default", isRevoked }));
  const all = [inSchema(url, "one"), inSchema(url, "other")];
  for (const [at, database] of all.entries()) {
    await prepareDatabase(database);
    await writeOnce(database, numberedBars(10 * (at + 1)));
    // As a table that is divided is read: by views.
    const { of } = await withClient(database, (_, names) => Promise.resolve(names));
    await select(database, `CREATE TABLE ${of("bar_part_of")} () INHERITS (${of("bar")})`);
    await grant(database, false);
  }
  const views = await server.query(
    "SELECT schemaname AS name FROM pg_views WHERE starts_with(schemaname, 'barline_reader_') AND viewname = 'bars' ORDER BY 1",
    url,
  );
  const seen = async () =>
    await Promise.all(
      views.map(async ({ name }) =>
        (await server.query(`SELECT count(*)::int AS seen FROM "${name}".bars`, theirs).catch(
          () => [{ seen: "nothing" }],
        ))[0]
          .seen
      ),
    );
  assertEquals(await seen(), [10, 20]);
  await grant(all[0], true);
  assertEquals(await seen(), ["nothing", 20]);
  assertEquals((await withClient(all[0], readGrants)).size, 0);
  assertEquals([...(await withClient(all[1], readGrants)).keys()], [role]);
});

test("through a pooler two schemas are written side by side, and no session keeps a search_path", async (server) => {
  if (missingServer() !== undefined || missingPgbouncer() !== undefined) return;
  const direct = await server.createDatabase();
  await using pooler = await startPgbouncer(Number(new URL(direct).port));
  const url = new URL(direct);
  url.port = String(pooler.port);
  const all = ["one", "other"].map((name) => inSchema(url.href, name));
  // Both migrate at once, over sessions that the pooler gives to either.
  await Promise.all(all.map((database) => prepareDatabase(database)));
  await Promise.all(
    numbers(10).flatMap((batch) => all.map((database) => writeOnce(database, numberedBars(20, batch * 20)))),
  );
  for (const database of all) {
    const { of } = await withClient(database, (_, names) => Promise.resolve(names));
    assertEquals(await select(database, `SELECT count(*)::int AS bars FROM ${of("bar")}`), [{ bars: 200 }]);
    assertEquals(await select(database, "SELECT current_setting('search_path') AS path"), [{
      path: '"$user", public',
    }]);
  }
});

test("a run keeps the schema chosen by search_path, even if the setting of the role changes meanwhile", async (server) => {
  const url = await server.createDatabase();
  const { role, theirs } = await blindRole(server, url);
  await server.query(`CREATE SCHEMA mine AUTHORIZATION ${role}; ALTER ROLE ${role} SET search_path = mine`, url);
  const database = databaseAt(theirs);
  await prepareDatabase(database);
  await server.query(`ALTER ROLE ${role} SET search_path = ''`);
  assertEquals(await writeOnce(database, numberedBars(10)), counts(10));
  assertEquals(await server.query("SELECT count(*)::int AS bars FROM mine.bar", url), [{ bars: 10 }]);
});
