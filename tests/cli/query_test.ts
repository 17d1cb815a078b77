import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parquetReadObjects } from "hyparquet";
import { withClient } from "../../src/database/database.ts";
import { openEmbedded } from "../../src/database/embedded.ts";
import { bindParameters, readParameters } from "../../src/cli/query/parameters.ts";
import { openWorkspace } from "../support/workspace.ts";

const BARS = `ts,symbol,open,high,low,close,volume
2024-01-02T14:30:00Z,AB,1,2,0.5,1.5,100
2024-01-02T14:31:00Z,AB,1.5,2.5,1,2,0.25
`;

Deno.test("query prints rows in each format, with parameters, and refuses to write", async () => {
  await using work = await openWorkspace();
  const csv = await work.write("bars.csv", BARS);
  assertEquals((await work.ingest(["--file", csv])).code, 0);
  const query = (...args: string[]) => work.run(["query", "--data-dir", work.dataDir, ...args]);
  const sql =
    "SELECT ts, symbol || ',' AS symbol, close, trades, '' AS empty FROM bars WHERE symbol = :symbol ORDER BY ts";
  const param = ["--param", "symbol=AB"];

  assertEquals(
    (await query(...param, "--format", "csv", sql)).stdout,
    'ts,symbol,close,trades,empty\n2024-01-02T14:30:00Z,"AB,",1.5,,""\n2024-01-02T14:31:00Z,"AB,",2,,""\n',
  );
  const file = await work.write("closes.sql", `-- closes\n${sql};`);
  const { stdout } = await query(...param, "--format", "ndjson", "-f", file);
  const objects = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(objects[1], { ts: "2024-01-02T14:31:00Z", symbol: "AB,", close: 2, trades: null, empty: "" });
  const path = join(work.directory, "closes.parquet");
  assertEquals((await query(...param, "--output", path, sql)).code, 0);
  const rows = await parquetReadObjects({ file: (await Deno.readFile(path)).buffer });
  assertEquals(rows.map(({ ts, close }) => [(ts as Date).toISOString(), close]), [
    ["2024-01-02T14:30:00.000Z", 1.5],
    ["2024-01-02T14:31:00.000Z", 2],
  ]);
  const table = await query("SELECT 'x' AS name, 12 AS n; SHOW timezone");
  assertEquals(table.stdout, "name   n\n----  --\nx     12\n(1 row)\nTimeZone\n--------\nUTC\n(1 row)\n");

  const refused = await query("--output", join(work.directory, "none.csv"), "DELETE FROM bar");
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "DELETE is refused");
  const written = await query("WITH gone AS (DELETE FROM bar RETURNING 1) SELECT * FROM gone");
  assertEquals([written.code, written.stderr.trim()], [1, "cannot execute SELECT in a read-only transaction (25006)"]);
  const names = await Array.fromAsync(Deno.readDir(work.directory), ({ name }) => name);
  assert(!names.some((name) => name.startsWith("none")), names.join());

  await using database = await openEmbedded(work.dataDir);
  const left = await withClient(database, async (client) => (await client.query("SELECT 1 FROM bar")).rows.length);
  assertEquals(left, 2);
});

Deno.test("query makes no database for a question", async () => {
  await using work = await openWorkspace();
  const { code, stderr } = await work.run(["query", "--data-dir", work.dataDir, "SELECT 1"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "Cannot find an embedded database");
});

Deno.test("bindParameters() numbers names outside of texts, and leaves casts alone", () => {
  const parameters = readParameters(["a=1", "b=x=y"]);
  const cases: [string, string, string[]][] = [
    ["SELECT :a, :b, :a", "SELECT $1, $2, $1", ["1", "x=y"]],
    ["SELECT ':a', \":a\", $$:a$$, :b::text /* :a */ -- :a", "SELECT ':a', \":a\", $$:a$$, $1::text /* :a */ -- :a", [
      "x=y",
    ]],
    ["SELECT a[1:2]", "SELECT a[1:2]", []],
  ];
  for (const [sql, text, values] of cases) assertEquals(bindParameters(sql, parameters), { text, values });
});
