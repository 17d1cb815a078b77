/** The recipes of the cookbook for data that is stored, as they stand there. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { DuckDBInstance } from "@duckdb/node-api";
import { addressOf } from "./support/process.ts";
import { findPython } from "./support/python.ts";
import { testWhere } from "./support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "./support/workspace.ts";

const server = await startSharedServer();
const python = await findPython("readers", ["pyarrow==26.0.1", "pandas==3.1.1", "polars==2.1.0"]);
const page = await Deno.readTextFile(new URL("../docs/cookbook.md", import.meta.url));
const FILE = fromFileUrl(new URL("./fixtures/bars.csv", import.meta.url));
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A bar of the file. */
interface Line {
  readonly symbol: string;
  readonly ts: number;
  readonly open: number;
  readonly close: number;
  readonly volume: number;
}

const [head, ...rows] = (await Deno.readTextFile(FILE)).trim().split("\n").map((line) => line.trim().split(","));
const lines = rows.map((row): Line => {
  const field = (name: string) => row[head.indexOf(name)];
  const [open, close, volume] = ["open", "close", "volume"].map((name) => Number(field(name)));
  return { symbol: field("symbol"), ts: Date.parse(field("ts")), open, close, volume };
});
const of = (symbol: string) => lines.filter((line) => line.symbol === symbol).toSorted((a, b) => a.ts - b.ts);

/** The block of a section. */
function blockOf(section: string): string {
  const [, code] = new RegExp(`^## ${section}\n[^]*?^\`\`\`\\w+\n([^]*?)^\`\`\``, "m").exec(page) ?? [];
  if (code === undefined) throw new RangeError(`Cannot find a block of ${section}`);
  return code;
}

/** A workspace with the bars of the file. */
async function load(): Promise<Workspace> {
  const work = await openWorkspace(server);
  const { code, stderr } = await work.ingest(["--file", FILE]);
  assertEquals(code, 0, stderr);
  return work;
}

/** Open, close and volume of each hour of SPY. */
const hours = Array.from(Map.groupBy(of("SPY"), ({ ts }) => Math.floor(ts / HOUR) * HOUR), ([hour, bars]) => ({
  hour,
  open: bars[0].open,
  close: bars.at(-1)!.close,
  volume: bars.reduce((sum, { volume }) => sum + volume, 0),
}));

const reason = server === undefined ? "there is no server" : python === undefined ? "there is no Python" : undefined;

testWhere(reason, "pandas and polars make hours of the bars that they read by HTTP", async () => {
  await using work = await load();
  const running = work.start(
    ["serve", "--database", work.database, "--data-dir", work.dataDir, "--http", "127.0.0.1:0"],
  );
  const address = await addressOf(running);
  for (const section of ["pandas", "polars"]) {
    const result = section === "pandas" ? 'hours.to_dict("records")' : "hours.to_dicts()";
    const code = `${blockOf(section).replace("http://127.0.0.1:9000", address)}
import json
print(json.dumps([[row["ts"].timestamp() * 1000, row["open"], row["close"], row["volume"]] for row in ${result}]))
`;
    const file = await work.write(`recipe_of_${section}.py`, code);
    const { success, stdout, stderr } = await new Deno.Command(python!, { args: [file] }).output();
    assert(success, new TextDecoder().decode(stderr));
    const last = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
    const expected = hours.map(({ hour, open, close, volume }) => [hour, open, close, volume]);
    assertEquals(JSON.parse(last), expected, section);
  }
  running.kill("SIGTERM");
  await running.ended;
});

testWhere(server === undefined ? "there is no server" : undefined, "DuckDB makes hours of an export", async () => {
  await using work = await load();
  const exported = await work.run(["export", "--database", work.database, "--output", join(work.directory, "bars")]);
  assertEquals(exported.code, 0, exported.stderr);
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const sql = blockOf("DuckDB").replace("'bars/", `'${work.directory}/bars/`);
  const found = await connection.runAndReadAll(
    `SELECT epoch_ms(hour)::DOUBLE AS hour, open, close, volume FROM (${sql}) WHERE symbol = 'SPY' ORDER BY hour`,
  );
  assertEquals(found.getRowObjectsJson(), hours);
  connection.closeSync();
});

testWhere(
  server === undefined ? "there is no server" : undefined,
  "the recipes in SQL find what the file has",
  async () => {
    await using work = await load();
    const panel = blockOf("Grafana").replace("$__timeFilter(ts)", "ts BETWEEN '2013-10-04' AND '2013-10-08'");
    assertEquals((await work.query(panel)).length, of("SPY").length + of("IBM").length);

    const split = Date.parse("2013-10-07");
    const adjusted = await work.query(blockOf("Adjusted bars"));
    for (const [at, { ts, close, volume }] of of("SPY").entries()) {
      const factor = ts < split ? 8 : 4;
      assertAlmostEquals(adjusted[at].close as number, close / factor, 1e-9);
      assertAlmostEquals(adjusted[at].volume as number, volume * factor, 1e-6);
    }

    const joined = await work.query(blockOf("As-of join"));
    const market = of("SPY");
    const expected = of("IBM").flatMap(({ ts, close }) => {
      const last = market.findLast((bar) => bar.ts <= ts);
      return last === undefined ? [] : [[ts, close, last.ts, last.close]];
    });
    assertEquals(
      joined.map((row) => [(row.ts as Date).getTime(), row.close, (row.market_ts as Date).getTime(), row.market]),
      expected,
    );

    const gaps = (await work.query(blockOf("Gaps"))).filter(({ symbol }) => symbol === "IBM");
    const holes = of("IBM").flatMap(({ ts }, at, all) => {
      const minutes = at === 0 ? 0 : (ts - all[at - 1].ts) / MINUTE - 1;
      return minutes > 0 ? [[all[at - 1].ts, minutes]] : [];
    });
    assertEquals(gaps.map(({ after, minutes }) => [(after as Date).getTime(), minutes]), holes);
  },
);
