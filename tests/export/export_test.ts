import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { callBarline } from "../support/call.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const DAYS = `symbol,ts,open,high,low,close,volume
BRK/B,2024-01-02T23:59:00Z,1,2,0.5,1.5,100
BRK/B,2024-01-03T00:00:00Z,1,2,0.5,1.5,101
AAPL,2024-01-03T00:00:00Z,1,2,0.5,1.5,102
AAPL,2024-02-01T00:00:00Z,1,2,0.5,1.5,103
`;

/** A database with bars of three days. */
async function openLoaded(server?: Parameters<typeof openWorkspace>[0]): Promise<Workspace> {
  const work = await openWorkspace(server);
  const { code, stderr } = await work.ingest(["--file", await work.write("days.csv", DAYS)]);
  assertEquals(code, 0, stderr);
  return work;
}

/** The paths of all files below a directory. */
async function pathsOf(directory: string, below = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(directory, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    found.push(...isDirectory ? await pathsOf(directory, path) : [path]);
  }
  return found.sort();
}

const work = await openLoaded(await startSharedServer());
Deno.test.afterAll(async () => await work[Symbol.asyncDispose]());
const common = ["--database", work.database, "--data-dir", work.dataDir, "--log-level", "error"];
const run = (...args: string[]) => callBarline(["export", ...common, ...args]);
const place = (name: string) => join(work.directory, name);
const readManifest = async (directory: string) => JSON.parse(await Deno.readTextFile(`${directory}/_manifest.json`));

Deno.test("export makes a file for each date and symbol, and a manifest that lists their content", async () => {
  const output = place("by symbol");
  const { code, json, stderr } = await run("--output", output, "--partition-by", "date,symbol", "--json");
  assertEquals([code, json?.rows, json?.written.files], [0, 4, 4], stderr);
  const paths = await pathsOf(output);
  assertEquals(paths, [
    "_manifest.json",
    "date=2024-01-02/symbol=BRK%2FB/part-0.parquet",
    "date=2024-01-03/symbol=AAPL/part-0.parquet",
    "date=2024-01-03/symbol=BRK%2FB/part-0.parquet",
    "date=2024-02-01/symbol=AAPL/part-0.parquet",
  ]);
  const manifest = await readManifest(output);
  assertEquals([manifest.isComplete, manifest.rows, manifest.files.length], [true, 4, 4]);
  for (const { path, rows, bytes, sha256, first, last } of manifest.files) {
    const file = await Deno.readFile(join(output, path));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", file));
    assertEquals([bytes, sha256], [file.length, digest.toHex()], path);
    const read = await parquetReadObjects({ file: file.buffer, compressors });
    assertEquals(
      [read.length, first, last],
      [rows, `${(read[0].ts as Date).toISOString().slice(0, 19)}Z`, first],
      path,
    );
  }
});

Deno.test("a Parquet file has times in UTC microseconds, dictionaries, ZSTD and the least and greatest values", async () => {
  const output = place("whole");
  assertEquals((await run("--output", output, "--partition-by", "none")).code, 0);
  const { schema, row_groups: groups } = await parquetMetadataAsync(
    (await Deno.readFile(`${output}/part-0.parquet`)).buffer,
  );
  const types = Object.fromEntries(schema.slice(1).map((each) => [each.name, each.logical_type ?? each.type]));
  assertEquals(types.ts, { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" });
  assertEquals([types.symbol, types.close, types.trades], [{ type: "STRING" }, "DOUBLE", "INT32"]);
  const of = (name: string) => groups[0].columns.find((each) => each.meta_data!.path_in_schema[0] === name)!.meta_data!;
  assertEquals(of("provider").encodings.includes("RLE_DICTIONARY"), true);
  assertEquals([of("volume").codec, of("volume").statistics?.min_value, of("volume").statistics?.max_value], [
    "ZSTD",
    100,
    103,
  ]);
});

Deno.test("a second export continues from the manifest, and rewrites files that are damaged or missing", async () => {
  const output = place("again");
  const command = ["--output", output, "--to", "2024-02-01", "--json"];
  assertEquals((await run(...command)).json.written.files, 2);
  const kept = (await run(...command)).json;
  assertEquals([kept.kept, kept.written.files, kept.files, kept.rows], [2, 0, 2, 3]);

  const path = join(output, "date=2024-01-02/part-0.parquet");
  const before = await Deno.readFile(path);
  await Deno.writeFile(path, before.with(100, before[100] ^ 1));
  const mended = (await run(...command)).json;
  assertEquals([mended.kept, mended.written.files], [1, 1]);
  assertEquals(await Deno.readFile(path), before);
  await Deno.remove(path);
  assertEquals((await run(...command)).json.written.files, 1);
  // As after a kill between a file and the manifest.
  const manifest = await readManifest(output);
  await Deno.writeTextFile(`${output}/_manifest.json`, JSON.stringify({ ...manifest, files: manifest.files.slice(1) }));
  await Deno.writeTextFile(`${path}.part`, "unfinished");
  assertEquals((await run(...command)).json.written.files, 1);
  assertEquals(await readManifest(output).then(({ rows }) => rows), 3);
  assertEquals((await pathsOf(output)).filter((each) => each.endsWith(".part")), []);
});

Deno.test("export prints one file to standard output", async () => {
  const { stdout, code } = await work.run(
    ["export", ...common, "--symbols", "BRK/B", "--format", "csv", "--output", "-"],
  );
  const [header, ...lines] = stdout.trim().split("\n");
  assertEquals([code, lines.length], [0, 2]);
  assertStringIncludes(header, "provider,symbol,timeframe,ts,open,high,low,close,volume,vwap,trades,status");
  assertStringIncludes(lines[0], "replay,BRK/B,1m,2024-01-02T23:59:00Z,1,2,0.5,1.5,100,,,final,,");
});

Deno.test("export refuses what it cannot do, and says what to do", async () => {
  const file = await work.write("file.parquet", "x");
  await Deno.mkdir(place("full"));
  await work.write("full/other.txt", "x");
  assertEquals((await run("--output", place("other"), "--partition-by", "month")).code, 0);
  const cases: [string[], string][] = [
    [[], "give the place with --output"],
    [["--output", file], "it is a file, expected a directory"],
    [["--output", place("full")], 'it has "other.txt" and no _manifest.json, expected an empty directory'],
    [["--output", place("other")], 'it has another export, its partitionBy is ["month"], not ["date"]'],
    [["--output", place("x"), "--kind", "trade"], "--kind"],
    [["--output", place("x"), "--kind", "bar", "--kind", "news"], "Cannot export bar and news together"],
    [["--output", place("x"), "--kind", "news"], "no news is stored"],
    [["--output", place("x"), "--symbols", "NONE"], "no bar is stored of tenant"],
    [["--output", place("x"), "--from", "2030-01-01"], "lies between 2030-01-01T00:00:00.000Z and the last"],
    [["--output", place("x"), "--from", "2024-01-03", "--to", "2024-01-03"], "expected a start before the end"],
    [["--output", place("x"), "--from", "yesterday"], "Cannot read --from as a time"],
    [["--output", place("x"), "--format", "xlsx"], "expected one of parquet, csv, ndjson"],
    [["--output", place("x"), "--format", "csv", "--compression", "zstd"], "--compression is for Parquet"],
    [["--output", place("x"), "--partition-by", "date,week"], "expected none, or some of"],
    [["--output", "-", "--partition-by", "date"], "Cannot divide standard output"],
    [["--output", "-", "--json", "--format", "csv"], "standard output has the records"],
  ];
  for (const [args, message] of cases) {
    const { code, stderr, stdout } = await run(...args);
    assertEquals([code, stdout], [2, ""], args.join(" "));
    assertStringIncludes(stderr, message);
  }
  assert(!await Deno.stat(place("x")).then(() => true, () => false), "nothing is made for nothing");
});

Deno.test("export reads the embedded database, and through the run that has it, to the same bytes", async () => {
  await using work = await openLoaded();
  const command = ["export", "--data-dir", work.dataDir, "--symbols", "AAPL,BRK/B", "--json"];
  const direct = await work.run([...command, "--output", "direct"]);
  assertEquals([direct.code, direct.json?.rows], [0, 4], direct.stderr);
  const running = work.startIngest(["--provider", "mock", "--symbols", "MOCK", "--speed", "20"]);
  await running.line(/Provider "?mock"? opened/);
  const through = await work.run([...command, "--output", "through"]);
  running.kill("SIGTERM");
  await running.ended;
  assertEquals([through.code, through.json?.rows], [0, 4], through.stderr);
  const sums = async (name: string) =>
    (await readManifest(join(work.directory, name))).files.map((
      { path, sha256 }: Record<string, string>,
    ) => [path, sha256]);
  assertEquals(await sums("through"), await sums("direct"));
});
