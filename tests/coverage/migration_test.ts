import { assertEquals } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import { DEFAULT_SCHEMA, namesIn } from "../../src/database/names.ts";
import { migrate, migrationSteps } from "../../src/database/migrate.ts";
import { keepCoverageInDatabase } from "../../src/database/coverage.ts";
import { databaseAt, useServer } from "../support/server_tests.ts";
import { minutes, OWNER } from "./conformance.ts";

const { test } = useServer();

/** The schema as it was before coverage, with what a version of then has left. */
function oldSchema(): string {
  return [
    ...migrationSteps(0, namesIn(DEFAULT_SCHEMA)).slice(0, 4).flatMap(({ statements }) => statements),
    `INSERT INTO series_key (tenant, provider, symbol, timeframe)
SELECT tenant, 'alpaca', 'A', '1m' FROM unnest(ARRAY['acme', 'beta']) AS tenant`,
  ].join(";\n");
}

const at = (minute: number) => `to_timestamp(${minutes([minute, 0])[0] / 1000})`;

test("minutes that were known to be without trades are confirmed", async (server) => {
  const url = await server.createDatabase();
  await server.query(oldSchema(), url);
  await server.query(
    `INSERT INTO no_trade (series_id, starts, ends) VALUES
(1, ${at(0)}, ${at(10)}), (1, ${at(5)}, ${at(12)}), (1, ${at(20)}, ${at(21)}), (2, ${at(7)}, ${at(8)})`,
    url,
  );
  await withClient(databaseAt(url), migrate);
  const load = (tenant: string) =>
    keepCoverageInDatabase({ tenant, writer: "", run: (work) => withClient(databaseAt(url), work) }).load(OWNER);
  assertEquals(await load("acme"), new Map([["A", { confirmed: [[0, 12], [20, 21]].map(minutes), doubts: [] }]]));
  assertEquals(await load("beta"), new Map([["A", { confirmed: [minutes([7, 8])], doubts: [] }]]));
});

test("the last day of the ranges that instances thought complete is in doubt", async (server) => {
  const url = await server.createDatabase();
  await server.query(oldSchema(), url);
  await server.query(
    `INSERT INTO series_key (provider, symbol, timeframe) VALUES ('massive', 'A', '1m'), ('massive', 'A', '5m');
INSERT INTO cluster_frontier (cluster, source, symbol, complete_until) VALUES ('barline', 'alpaca,massive 1m', 'A', ${
      at(5000)
    }),
  ('barline.acme', 'alpaca 1m', 'A', ${at(4000)}), ('barline', 'alpaca 1m', 'GONE', ${at(9000)});
INSERT INTO no_trade (series_id, starts, ends) VALUES (1, ${at(2000)}, ${at(2570)})`,
    url,
  );
  await withClient(databaseAt(url), migrate);
  const known = await server.query(
    `SELECT s.tenant, s.provider, s.timeframe, d.reason, extract(epoch FROM d.ends)::float8 * 1000 AS ends,
  extract(epoch FROM d.ends - d.starts)::int AS seconds, d.due_at <= now() AS due
FROM series_doubt d JOIN series s ON s.id = d.series_id ORDER BY 1, 2`,
    url,
  );
  const doubt = { timeframe: "1m", reason: "upgraded", seconds: 86_400, due: true };
  assertEquals(known, [
    { tenant: "acme", provider: "alpaca", ...doubt, ends: minutes([4000, 0])[0] },
    { tenant: "default", provider: "massive", ...doubt, ends: minutes([5000, 0])[0] },
  ]);
  const store = keepCoverageInDatabase({
    tenant: "acme",
    writer: "",
    run: (work) => withClient(databaseAt(url), work),
  });
  assertEquals((await store.load(OWNER)).get("A")!.confirmed, [minutes([2000, 2560])]);
});

test("rights and policies of before hold for coverage", async (server) => {
  const url = await server.createDatabase();
  const [writer, reader] = ["writer", "reader"].map((name) => `${name}_${crypto.randomUUID().replaceAll("-", "")}`);
  await server.query(oldSchema(), url);
  await server.query(
    `CREATE ROLE ${writer}; CREATE ROLE ${reader};
GRANT SELECT, INSERT, UPDATE ON bar TO ${writer}; GRANT SELECT ON series_key, bar, no_trade TO ${reader};
ALTER TABLE series_key ENABLE ROW LEVEL SECURITY; ALTER TABLE no_trade ENABLE ROW LEVEL SECURITY;
CREATE POLICY "barline tenant acme" ON series_key FOR SELECT TO ${reader} USING (tenant = 'acme');
CREATE POLICY "barline writers" ON no_trade USING ((SELECT has_table_privilege(current_user, '"public".no_trade', 'INSERT')));
CREATE POLICY "barline tenant acme" ON no_trade FOR SELECT TO ${reader}
  USING (series_id IN (SELECT id FROM series_key WHERE tenant = 'acme'));
INSERT INTO no_trade (series_id, starts, ends) SELECT id, ${at(0)}, ${at(1)} FROM series_key`,
    url,
  );
  await withClient(databaseAt(url), migrate);
  await server.query(
    `INSERT INTO series_doubt SELECT ${at(1)}, ${at(2)}, now(), now(), series_id, 0, 'hole' FROM series_coverage`,
    url,
  );
  for (const table of ["series_coverage", "series_doubt"]) {
    const seen = await server.query(
      `SELECT has_table_privilege('${writer}', '${table}', 'INSERT, UPDATE, DELETE') AS writes,
  has_table_privilege('${reader}', '${table}', 'INSERT') AS reader_writes`,
      url,
    );
    assertEquals(seen, [{ writes: true, reader_writes: false }]);
    const rows = await withClient(databaseAt(url), async (client) => {
      await client.query(`SET ROLE ${reader}`);
      const mine = (await client.query(`SELECT series_id FROM ${table}`)).rows;
      await client.query(`RESET ROLE; SET ROLE ${writer}`);
      return [mine, (await client.query(`SELECT series_id FROM ${table} ORDER BY 1`)).rows];
    });
    assertEquals(rows, [[{ series_id: 1 }], [{ series_id: 1 }, { series_id: 2 }]]);
  }
});

test("views of readers show the coverage of their tenants alone", async (server) => {
  const url = await server.createDatabase();
  const reader = `reader_${crypto.randomUUID().replaceAll("-", "")}`;
  await server.query(oldSchema(), url);
  await server.query(
    `CREATE ROLE ${reader}; CREATE SCHEMA barline_reader_7; GRANT USAGE ON SCHEMA barline_reader_7 TO ${reader};
CREATE VIEW barline_reader_7.no_trade WITH (security_barrier = true) AS
  SELECT * FROM no_trade WHERE series_id IN (SELECT id FROM series_key WHERE tenant IN ('acme'));
GRANT SELECT ON barline_reader_7.no_trade TO ${reader};
INSERT INTO no_trade (series_id, starts, ends) SELECT id, ${at(0)}, ${at(1)} FROM series_key`,
    url,
  );
  await withClient(databaseAt(url), migrate);
  const rows = await withClient(databaseAt(url), async (client) => {
    await client.query(`SET ROLE ${reader}; SET search_path = barline_reader_7`);
    await client.query("SELECT * FROM series_doubt");
    return (await client.query("SELECT series_id FROM series_coverage")).rows;
  });
  assertEquals(rows, [{ series_id: 1 }]);
});
