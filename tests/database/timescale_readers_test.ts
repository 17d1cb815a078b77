import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Database, withClient } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { changeGrants } from "../../src/database/readers/grants.ts";
import { readRelations } from "../../src/database/readers/relations.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import { startTimescale } from "../support/timescale.ts";

const role = () => `reader_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
const refused = (problem: Error) => {
  throw problem;
};

async function admin(database: Database, ...statements: string[]): Promise<Record<string, unknown>[]> {
  return await withClient(database, async (client) => {
    let rows: Record<string, unknown>[] = [];
    for (const sql of statements) rows = (await client.query(sql)).rows;
    return rows;
  });
}

Deno.test("a role sees only its tenant's compressed bars and continuous aggregates, and no chunk", async () => {
  await using server = await startTimescale();
  const database = await server.open();
  await prepareDatabase(database);
  await applyTimescale(database, {}, refused);
  await admin(
    database,
    "INSERT INTO series_key (tenant, provider, symbol, timeframe) VALUES ('acme', 'm', 'A', '1m'), ('beta', 'm', 'B', '1m')",
    `INSERT INTO bar (ts, open, high, low, close, volume, received_at, series_id)
      SELECT TIMESTAMPTZ '2024-01-02 14:30Z' + i * INTERVAL '1 minute', 1, 2, 1, 2, id, now(), id
      FROM series_key, generate_series(0, 9) AS i`,
    "SELECT compress_chunk(c) FROM show_chunks('bar') AS c",
  );
  assertEquals((await withClient(database, readRelations)).way, "views");
  const name = role();
  await admin(database, `CREATE ROLE ${name}`);
  await withClient(
    database,
    (client, names) => changeGrants(client, names, { role: name, tenant: "acme", isRevoked: false }),
  );
  const [{ oid }] = await admin(database, `SELECT oid::text FROM pg_roles WHERE rolname = '${name}'`);
  const [{ schema }] = await admin(database, "SELECT current_schema() AS schema");
  const [{ chunk }] = await admin(database, "SELECT show_chunks('bar')::text AS chunk");
  /** Asks as the role, which is left again whatever comes of it: PGlite has one session. */
  const ask = (sql: string) =>
    withClient(database, async (client) => {
      await client.query(`SET ROLE ${name}; SET search_path = barline_reader_${oid}`);
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.query("RESET ROLE; RESET search_path");
      }
    });
  for (const view of ["bars", "latest_bars", "data_freshness", "series", "bars_5m", "bars_15m", "bars_1h", "bars_1d"]) {
    assertEquals(await ask(`SELECT DISTINCT tenant FROM ${view}`), [{ tenant: "acme" }], view);
  }
  assertEquals(await ask("SELECT count(*)::int AS bars FROM bar"), [{ bars: 10 }]);
  for (const hidden of ["bar", "bars", "series_key", "bar_5m", "bars_5m"]) {
    await assertRejects(() => ask(`SELECT * FROM ${schema}.${hidden}`), Error, "permission denied");
  }
  await assertRejects(() => ask(`SELECT * FROM ${chunk}`), Error, "permission denied");
});

Deno.test("bars that policies restrict stay in their plain table, with a warning", async () => {
  await using server = await startTimescale();
  const database = await server.open();
  await prepareDatabase(database);
  const name = role();
  await admin(database, `CREATE ROLE ${name}`);
  const change = (isRevoked: boolean) =>
    withClient(database, (client, names) => changeGrants(client, names, { role: name, tenant: "acme", isRevoked }));
  await change(false);
  const told: string[] = [];
  assertEquals(await applyTimescale(database, {}, ({ message }) => told.push(message)), []);
  assert(told[0].includes("barline tenant revoke"), told[0]);
  await change(true);
  assert((await applyTimescale(database, {}, refused)).length > 0);
});
