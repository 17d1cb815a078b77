import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { DuckDBInstance } from "@duckdb/node-api";
import { callBarline } from "../support/call.ts";
import { findPython } from "../support/python.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const work = await openWorkspace(server);
Deno.test.afterAll(async () => await work[Symbol.asyncDispose]());
const at = ["--database", work.database, "--data-dir", work.dataDir, "--log-level", "error"];

/** Bars of three symbols over two days, all of one and a third of the others with a VWAP: volumes are 0, 1, 2, … */
const SYMBOLS = ["AAPL", "BRK/B", "ÄÖ"];
const ROWS = 3 * 2 * 500;
const lines = SYMBOLS.flatMap((symbol, which) =>
  Array.from({ length: 1000 }, (_, row) => {
    const ts = new Date(Date.UTC(2024, 0, 2, 15, 40) + row * 60_000).toISOString();
    return `${symbol},${ts.replace("Z", "001Z")},1,2,0.5,1.5,${which * 1000 + row},${
      row % 3 === 0 || which === 1 ? 1.25 : ""
    }`;
  })
);
const EXPECTED = {
  rows: ROWS,
  volume: ROWS * (ROWS - 1) / 2,
  first: "2024-01-02T15:40:00.000001+00:00",
  last: "2024-01-03T08:19:00.000001+00:00",
  symbols: SYMBOLS,
  vwaps: 2 * 334 + 1000,
};

const csv = await work.write("bars.csv", `symbol,ts,open,high,low,close,volume,vwap\n${lines.join("\n")}\n`);
assertEquals((await callBarline(["ingest", ...at, "--http", "off", "--json", "--file", csv])).json?.stored, ROWS);

/** Exports in each form that a reader has to take. */
const FORMS = [["zstd", "date,symbol"], ["snappy", "date"], ["none", "symbol"], ["zstd", "none"]];
async function exportAs(compression: string, keys: string): Promise<string> {
  const output = join(work.directory, `${compression} ${keys}`);
  const form = ["--compression", compression, "--partition-by", keys];
  const { code, stderr } = await callBarline(["export", ...at, "--output", output, ...form]);
  assertEquals(code, 0, stderr);
  return output;
}
const directories: string[] = [];
for (const [compression, keys] of FORMS) directories.push(await exportAs(compression, keys));

Deno.test("DuckDB reads an export of each form, and skips groups by their least and greatest values", async () => {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  for (const directory of directories) {
    const from = `read_parquet('${directory}/**/*.parquet', hive_partitioning = true)`;
    const { rows: [row] } = await read(
      `SELECT count(*)::int, sum(volume), min(ts)::text, max(ts)::text, list_sort(list(DISTINCT symbol))::text, count(vwap)::int,
any_value(typeof(ts)) FROM ${from}`,
    );
    const { rows, volume, vwaps } = EXPECTED;
    assertEquals(row, [
      ...[rows, volume, "2024-01-02 15:40:00.000001+00", "2024-01-03 08:19:00.000001+00"],
      ...["[AAPL, BRK/B, ÄÖ]", vwaps, "TIMESTAMP WITH TIME ZONE"],
    ], directory);
    const { rows: [counts] } = await read(
      `SELECT count(*)::int FROM ${from} WHERE symbol = 'BRK/B' AND volume >= 1500`,
    );
    assertEquals(counts, [500]);
  }
  const { rows: statistics } = await read(
    `SELECT DISTINCT stats_min_value IS NOT NULL, stats_max_value IS NOT NULL FROM parquet_metadata('${
      directories[3]
    }/part-0.parquet')
WHERE path_in_schema IN ('symbol', 'ts', 'close', 'volume')`,
  );
  assertEquals(statistics, [[true, true]]);
  connection.closeSync();
  instance.closeSync();

  async function read(sql: string) {
    return { rows: (await (await connection.runAndReadAll(sql)).getRowsJson()) as unknown[][] };
  }
});

const python = await findPython("readers", ["pyarrow==26.0.1", "pandas==3.1.1", "polars==2.1.0"]);

testWhere(
  python === undefined ? "there is no Python with venv" : undefined,
  "pandas, pyarrow and polars read an export of each form, by its directory",
  async () => {
    for (const directory of directories) {
      const args = [new URL("readers.py", import.meta.url).pathname, directory];
      const { stdout, stderr, success } = await new Deno.Command(python!, { args }).output();
      assert(success, new TextDecoder().decode(stderr));
      const { read, ts } = JSON.parse(new TextDecoder().decode(stdout));
      assertEquals(ts, "timestamp[us, tz=UTC]");
      for (const [reader, found] of Object.entries(read)) assertEquals(found, EXPECTED, `${reader} of ${directory}`);
    }
  },
);
