import { assert, assertEquals, assertRejects } from "@std/assert";
// @ts-types="@types/pg"
import { Client } from "pg";
import { to as copyTo } from "pg-copy-streams";
import { type Database, withClient } from "../../src/database/database.ts";
import { changeGrants, readGrants } from "../../src/database/readers/grants.ts";
import { readRelations } from "../../src/database/readers/relations.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import type { TestServer } from "../support/postgres.ts";

const { test } = useServer();

const FILL = `INSERT INTO series_key (tenant, provider, symbol, timeframe)
  SELECT tenant, 'mock', symbol, '1m' FROM unnest(ARRAY['acme', 'beta']) AS tenant, unnest(ARRAY['AAPL', 'MSFT']) AS symbol;
INSERT INTO bar (ts, open, high, low, close, volume, received_at, series_id)
  SELECT TIMESTAMPTZ '2024-01-02 14:30Z' + i * INTERVAL '1 minute', 1, 2, 1, 2, id, now(), id
  FROM series_key, generate_series(0, 9) AS i;
INSERT INTO series_coverage SELECT id, 'host', '{[2024-01-03, 2024-01-04)}', now() FROM series_key;
INSERT INTO series_doubt SELECT '2024-01-03', '2024-01-04', now(), now(), id, 0, 'hole' FROM series_key;
INSERT INTO news_item (ts, received_at, series_id, id, headline) SELECT now(), now(), id, '1', tenant FROM series_key`;
/** Which relations tell whose rows they show, and how. */
const TENANTS = {
  ...Object.fromEntries(
    ["bars", "latest_bars", "data_freshness", "series", "bars_5m", "bars_15m", "bars_1h", "bars_1d", "news"]
      .map((view) => [view, `SELECT DISTINCT tenant FROM ${view}`]),
  ),
  series_key: "SELECT DISTINCT tenant FROM series_key",
  bar: "SELECT DISTINCT CASE WHEN volume <= 2 THEN 'acme' ELSE 'beta' END AS tenant FROM bar",
  series_coverage:
    "SELECT DISTINCT CASE WHEN series_id <= 2 THEN 'acme' ELSE 'beta' END AS tenant FROM series_coverage",
  series_doubt: "SELECT DISTINCT CASE WHEN series_id <= 2 THEN 'acme' ELSE 'beta' END AS tenant FROM series_doubt",
  news_item: "SELECT DISTINCT headline AS tenant FROM news_item",
};

interface Place {
  readonly database: Database;
  readonly server: TestServer;
  readonly url: string;
  /** A name that no other test has: roles are of the server. */
  readonly role: string;
  grant(tenant: string | undefined, role?: string): Promise<readonly string[]>;
  revoke(tenant: string | undefined, role?: string): Promise<void>;
  admin(sql: string): Promise<Record<string, unknown>[]>;
  /** Logs in as a role, and ends that after `fn`. */
  as<T>(role: string, fn: (client: Client) => Promise<T>): Promise<T>;
}

/** A database with rows of two tenants; where bars are in parts, policies are no way. */
async function prepare(server: TestServer, isDivided: boolean): Promise<Place> {
  const { url, database } = await migratedDatabase(server);
  const admin = (sql: string) => server.query(sql, url);
  await admin(FILL);
  if (isDivided) await admin("CREATE TABLE bar_divided () INHERITS (bar)");
  const role = `reader_${crypto.randomUUID().replaceAll("-", "")}`;
  await admin(`CREATE ROLE ${role} LOGIN`);
  assertEquals((await withClient(database, readRelations)).way, isDivided ? "views" : "policies");
  const change = async (tenant: string | undefined, of: string, isRevoked: boolean) =>
    (await withClient(database, (client, names) => changeGrants(client, names, { role: of, tenant, isRevoked })))
      .notices;
  return {
    database,
    server,
    url,
    role,
    admin,
    grant: (tenant, of = role) => change(tenant, of, false),
    revoke: async (tenant, of = role) => void await change(tenant, of, true),
    async as(name, fn) {
      const own = new URL(url);
      own.username = name;
      const client = new Client({ connectionString: own.href });
      await client.connect();
      try {
        return await fn(client);
      } finally {
        await client.end();
      }
    },
  };
}

/** Tenants that a session sees in each relation; where it may not look, none. */
async function seen(client: Client): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const [name, sql] of Object.entries(TENANTS)) {
    try {
      found[name] = (await client.query(sql)).rows.map(({ tenant }) => tenant).sort();
    } catch (error) {
      assertEquals((error as { code?: string }).code, "42501", `${name}: ${(error as Error).message}`);
      found[name] = [];
    }
  }
  return found;
}

const everywhere = (tenants: string[]) => Object.fromEntries(Object.keys(TENANTS).map((name) => [name, tenants]));

/** Each tries to see rows of others, or to change something; none may. */
const HOSTILE = [
  "SET row_security = off; SELECT * FROM bars WHERE tenant = 'beta'",
  "SET SESSION AUTHORIZATION postgres; SELECT * FROM bar",
  "SET ROLE postgres; SELECT * FROM bar",
  "SET search_path = public; SELECT * FROM bars WHERE tenant <> 'acme'",
  "SELECT * FROM public.bars WHERE tenant <> 'acme'",
  "SELECT * FROM public.series_key WHERE tenant <> 'acme'",
  "SELECT * FROM public.bar WHERE series_id > 2",
  "SELECT * FROM bars_1d WHERE tenant = 'beta'",
  "SET barline.tenant = 'beta'; SET app.tenant = 'beta'; SET session.tenant = 'beta'; SELECT * FROM bars WHERE tenant = 'beta'",
  "PREPARE theft (text) AS SELECT * FROM bars WHERE tenant = $1; EXECUTE theft('beta')",
  "DECLARE theft CURSOR WITH HOLD FOR SELECT * FROM bars WHERE tenant = 'beta'; FETCH ALL FROM theft",
  "WITH theft AS MATERIALIZED (SELECT * FROM bar) SELECT * FROM theft WHERE series_id > 2",
  "SELECT * FROM bars b RIGHT JOIN series_key s ON s.id = b.series_id WHERE s.tenant = 'beta'",
  "SELECT most_common_vals FROM pg_stats WHERE tablename = 'series_key' AND attname = 'tenant' AND 'beta' = ANY (most_common_vals::text::text[])",
  "SELECT query_to_xml('SELECT * FROM bars WHERE tenant = ''beta''', false, false, '')::text AS x WHERE query_to_xml('SELECT * FROM bars WHERE tenant = ''beta''', false, false, '')::text LIKE '%<row>%'",
  "SELECT table_to_xml('series_key', false, false, '')::text AS x WHERE table_to_xml('series_key', false, false, '')::text LIKE '%beta%'",
  "INSERT INTO series_key (tenant, provider, symbol, timeframe) VALUES ('beta', 'x', 'y', '1m') RETURNING *",
  "UPDATE series_key SET tenant = 'acme' RETURNING *",
  "UPDATE bars SET volume = 0 WHERE tenant = 'beta' RETURNING *",
  "DELETE FROM bar RETURNING *",
  "TRUNCATE bar",
  "LOCK TABLE bar IN ACCESS EXCLUSIVE MODE",
  "ALTER TABLE bar DISABLE ROW LEVEL SECURITY",
  'DROP POLICY "barline tenant acme" ON bar',
  "CREATE POLICY mine ON bar USING (true)",
  "ALTER VIEW bars RESET (security_invoker)",
  "CREATE RULE mine AS ON SELECT TO bars DO INSTEAD SELECT * FROM bar",
  "ALTER ROLE CURRENT_USER BYPASSRLS",
  "GRANT postgres TO CURRENT_USER",
  "COPY bar TO PROGRAM 'cat'",
  "COPY (SELECT * FROM bar) TO '/tmp/theft'",
  "DO $$ BEGIN EXECUTE 'SELECT 1 / (SELECT count(*) FROM bars WHERE tenant = ''beta'')'; RAISE EXCEPTION 'seen'; EXCEPTION WHEN division_by_zero THEN NULL; END $$",
];
/** Its own functions are run on rows that a condition lets through: those of others must not get there. */
const LEAK = `CREATE FUNCTION pg_temp.leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS
$$ BEGIN RAISE NOTICE 'seen: %', $1; RETURN true; END $$`;

async function attack(client: Client): Promise<void> {
  for (const sql of HOSTILE) {
    let rows: unknown[] = [];
    try {
      const results = await client.query(sql);
      rows = [results].flat().flatMap((result) => result.rows ?? []);
    } catch (error) {
      assert(!/seen/.test((error as Error).message), `${sql}: ${(error as Error).message}`);
    }
    assertEquals(rows, [], sql);
    await client.query("ROLLBACK");
    await client.query("RESET ALL");
  }
  const told: string[] = [];
  client.on("notice", ({ message }) => told.push(message ?? ""));
  await client.query(LEAK);
  await client.query("SELECT count(*) FROM bars WHERE pg_temp.leak(tenant)");
  await client.query("SELECT count(*) FROM series_key WHERE pg_temp.leak(tenant)");
  await client.query("SELECT count(*) FROM bars_5m WHERE pg_temp.leak(tenant)");
  assert(told.includes("seen: acme"));
  assertEquals(told.filter((line) => line.includes("beta")), []);
}

/** What a COPY gives, by the wire protocol. */
function copied(client: Client, sql: string): Promise<string> {
  let text = "";
  const stream = client.query(copyTo(sql));
  stream.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
  return new Promise((resolve, reject) => {
    stream.on("end", () => resolve(text));
    stream.on("error", reject);
  });
}

for (const isDivided of [false, true]) {
  const way = isDivided ? "views of its own" : "policies";
  // Views that heed policies.
  const needs = isDivided ? {} : { version: 15 };

  test(`a role sees its tenant's rows and no others, by ${way}`, async (server) => {
    const place = await prepare(server, isDivided);
    const { role } = place;
    assertEquals(await place.as(role, seen), everywhere([]));
    await place.grant("acme");
    assertEquals(await place.as(role, seen), everywhere(["acme"]));
    const rows = await place.as(role, (client) => client.query("SELECT count(*)::int AS bars FROM bar"));
    assertEquals(rows.rows, [{ bars: 20 }]);
    // Again changes nothing, more add up, and what is taken is gone.
    await place.grant("acme");
    await place.grant("beta");
    assertEquals(await place.as(role, seen), everywhere(["acme", "beta"]));
    assertEquals(await withClient(place.database, readGrants), new Map([[role, new Set(["acme", "beta"])]]));
    await place.revoke("acme");
    assertEquals(await place.as(role, seen), everywhere(["beta"]));
    await place.revoke("beta");
    assertEquals(await place.as(role, seen), everywhere([]));
    await place.grant(undefined);
    assertEquals(await place.as(role, seen), everywhere(["acme", "beta"]));
    await place.revoke(undefined);
    assertEquals((await withClient(place.database, readGrants)).size, 0);
    // Nothing is left that would hinder its end.
    await place.admin(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }, needs);

  test(`no attempt shows rows of others or changes anything, by ${way}`, async (server) => {
    const place = await prepare(server, isDivided);
    await place.grant("acme");
    await place.admin("ANALYZE");
    await place.as(place.role, attack);
    const copy = (sql: string) => place.as(place.role, (client) => copied(client, sql));
    for (const sql of ["COPY (SELECT tenant FROM bars) TO STDOUT", "COPY (TABLE series_key) TO STDOUT"]) {
      const text = await copy(sql);
      assert(text.includes("acme") && !text.includes("beta"), sql);
    }
    if (!isDivided) assertEquals((await copy("COPY bar TO STDOUT")).trim().split("\n").length, 20);
    assertEquals((await place.admin("SELECT count(*)::int AS bars FROM bar"))[0].bars, 40);
  }, needs);

  test(`a member of the role may become it, and sees no more, by ${way}`, async (server) => {
    const place = await prepare(server, isDivided);
    await place.grant("acme");
    const member = `${place.role.slice(0, 40)}_member`;
    await place.admin(`CREATE ROLE ${member} LOGIN NOINHERIT IN ROLE ${place.role}`);
    await place.as(member, async (client) => {
      assertEquals(await seen(client), everywhere([]));
      await client.query(`SET ROLE ${place.role}`);
      if (isDivided) {
        const { rows: [{ oid }] } = await client.query("SELECT oid FROM pg_roles WHERE rolname = current_user");
        await client.query(`SET search_path = barline_reader_${oid}`);
      }
      assertEquals(await seen(client), everywhere(["acme"]));
    });
  }, needs);

  test(`a role that could see more in another way is refused, by ${way}`, async (server) => {
    const place = await prepare(server, isDivided);
    const other = `${place.role.slice(0, 40)}_group`;
    await place.admin(`CREATE ROLE ${other}; GRANT ${other} TO ${place.role}`);
    for (
      const [give, take, why] of [
        ["ALTER ROLE $ SUPERUSER", "ALTER ROLE $ NOSUPERUSER", "superuser"],
        ["ALTER ROLE $ BYPASSRLS", "ALTER ROLE $ NOBYPASSRLS", "BYPASSRLS"],
        ["GRANT INSERT ON bar TO $", "REVOKE INSERT ON bar FROM $", "INSERT on bar"],
        ["GRANT TRUNCATE ON bar TO PUBLIC", "REVOKE TRUNCATE ON bar FROM PUBLIC", "TRUNCATE on bar"],
        ["GRANT pg_read_all_data TO $", "REVOKE pg_read_all_data FROM $", "pg_read_all_data"],
        ["GRANT postgres TO $", "REVOKE postgres FROM $", "superuser"],
      ]
    ) {
      await place.admin(give.replace("$", other));
      await assertRejects(() => place.grant("acme"), Error, why);
      assertEquals((await withClient(place.database, readGrants)).size, 0);
      await place.admin(take.replace("$", other));
    }
    if (isDivided) {
      await place.admin("GRANT SELECT (series_id) ON bar TO PUBLIC");
      await assertRejects(() => place.grant("acme"), Error, "may read bar");
    }
    await assertRejects(() => place.grant("acme", "nobody at all"), Error, 'the role "nobody at all"');
  }, needs);
}

test("a writer that does not own the tables can still write, and roles that could read are listed", async (server) => {
  const place = await prepare(server, false);
  const writer = `${place.role.slice(0, 40)}_writer`;
  const grafana = `${place.role.slice(0, 40)}_grafana`;
  await place.admin(`CREATE ROLE ${writer} LOGIN; CREATE ROLE ${grafana} LOGIN;
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO ${writer};
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${grafana}`);
  const [warn] = await place.grant("acme");
  assert(warn.includes(grafana) && !warn.includes(writer), warn);
  assertEquals(await place.as(grafana, seen), everywhere([]));
  await place.as(writer, async (client) => {
    assertEquals(await seen(client), everywhere(["acme", "beta"]));
    await client.query(
      "INSERT INTO bar SELECT ts + INTERVAL '1 day', open, high, low, close, volume, received_at, vwap, series_id FROM bar",
    );
  });
  assertEquals((await place.admin("SELECT count(*)::int AS bars FROM bar"))[0].bars, 80);
}, { version: 15 });
