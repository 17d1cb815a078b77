/**
 * What the command line must do above all, from source and as the compiled binary.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { tableFromIPC } from "@uwdata/flechette";
import { parquetReadObjects } from "hyparquet";
import { SCHEMA_VERSION } from "../../src/database/migrate.ts";
import { csvFile, HEADER } from "../support/bars.ts";
import type { TestServer } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { until } from "../support/until.ts";
import { openWorkspace } from "../support/workspace.ts";

/** The fields of the summary, in their order. */
const SUMMARY = [
  "received",
  "stored",
  "unchanged",
  "deduplicated",
  "deadLettered",
  "journaled",
  "inFlight",
  "inserted",
  "updated",
  "seconds",
  "rate",
  "latencyMs",
  "ended",
];

/** Throws unless everything received is somewhere. */
// deno-lint-ignore no-explicit-any
export function assertBalances(ledger: any): void {
  const { received, stored, unchanged, deduplicated, deadLettered, journaled, inFlight } = ledger;
  assertEquals(received, stored + unchanged + deduplicated + deadLettered + journaled + inFlight);
}

/** Registers the scenarios as tests. */
export function testScenarios(server: TestServer | undefined): void {
  Deno.test("ingest without any configuration streams the mock into an embedded database", async () => {
    await using work = await openWorkspace();
    const ended = await work.run(["ingest", "--limit", "100", "--http", "off"]);
    assertEquals(ended.code, 0, ended.stderr);
    assertStringIncludes(ended.stdout, "received 100 = stored 100 + unchanged 0");
    const again = await work.run(["ingest", "--limit", "100", "--http", "off", "--json"]);
    assertEquals([again.json.stored, again.json.unchanged], [0, 100]);
  });

  Deno.test("ingest --json ends with one object of exactly the summary's fields, and stores the number of bars in it", async () => {
    await using work = await openWorkspace(server);
    const file = await work.write("bars.csv", csvFile(1234));
    const { code, json, stdout } = await work.ingest(["--file", file]);
    assertEquals(code, 0);
    assertEquals(stdout.trimEnd().split("\n").length, 1);
    assertEquals(Object.keys(json), SUMMARY);
    assertEquals(Object.keys(json.latencyMs), ["p50", "p99"]);
    assertEquals([json.received, json.stored], [1234, 1234]);
    assert(json.rate > 0 && json.seconds > 0 && json.latencyMs.p99 >= json.latencyMs.p50);
    assertEquals(await work.count(), 1234);
  });

  Deno.test("serve, query and candles read what ingest has loaded into the embedded database", async () => {
    await using work = await openWorkspace();
    const file = await work.write("bars.csv", csvFile(50));
    assertEquals((await work.run(["ingest", "--file", file, "--http", "off"])).code, 0);
    const late = await work.run(["query", "--timeout", "0.5", "SELECT count(*) FROM generate_series(1, 1e15)"]);
    assertEquals(late.code, 1);
    assertStringIncludes(late.stderr, "The statement took longer than 0.5 s");
    const running = work.start(["serve", "--http", "127.0.0.1:0"]);
    const address = await addressOf(running);
    const output = `${work.directory}/bars.parquet`;
    const [query, candles] = await Promise.all([
      work.run(["query", "--param", "symbol=AAPL", "--output", output, "SELECT * FROM bars WHERE symbol = :symbol"]),
      work.run(["candles", "AAPL", "--last", "3"]),
    ]);
    assertEquals([query.code, candles.code], [0, 0], query.stderr + candles.stderr);
    assertStringIncludes(candles.stdout, "(3 rows)");
    const read = async (format: string) =>
      await (await fetch(`${address}/api/bars.${format}?symbol=AAPL`)).arrayBuffer();
    const rows = [
      await parquetReadObjects({ file: (await Deno.readFile(output)).buffer }),
      await parquetReadObjects({ file: await read("parquet") }),
      tableFromIPC(await read("arrow")).toArray(),
      new TextDecoder().decode(await read("csv")).trim().split("\n").slice(1),
    ];
    assertEquals(rows.map(({ length }) => length), [50, 50, 50, 50]);
    running.kill("SIGTERM");
    assertEquals((await running.ended).code, 0);
  });

  Deno.test("bad lines go to the dead letters, and the rest of the file is stored", async () => {
    await using work = await openWorkspace(server);
    const lines = csvFile(20).split("\n");
    lines.splice(5, 0, "AAPL,1m,2024-01-02T14:30:00Z,2,1,1,2,5", "", "broken");
    const { code, json } = await work.ingest(["--file", await work.write("bars.csv", lines.join("\n"))]);
    assertEquals(code, 0);
    assertEquals([json.received, json.stored, json.deadLettered], [22, 20, 2]);
    assertBalances(json);
    assertEquals((await work.letters()).map(({ metadata }) => metadata.location?.split("/").at(-1)).sort(), [
      "bars.csv:6",
      "bars.csv:8",
    ]);
    const listed = await work.run(["dlq", "list", "--data-dir", work.dataDir]);
    assertMatch(listed.stdout, /1 +replay .* high .*is below max/);
  });

  Deno.test("--limit, then --resume receives exactly the rest", async () => {
    await using work = await openWorkspace(server);
    const file = await work.write("bars.csv", csvFile(3456));
    const first = await work.ingest(["--file", file, "--limit", "1000"]);
    assertEquals([first.json.received, first.json.stored], [1000, 1000]);
    const rest = await work.ingest(["--file", file, "--resume"]);
    assertEquals([rest.json.received, rest.json.stored], [2456, 2456]);
    const nothing = await work.ingest(["--file", file, "--resume"]);
    assertEquals([nothing.code, nothing.json.received], [0, 0]);
  });

  Deno.test("SIGTERM in mid-run writes accepted records and ends with exit code 0", async () => {
    await using work = await openWorkspace(server);
    const running = work.startIngest(["--provider", "mock", "--speed", "max", "--http", "127.0.0.1:0"]);
    const url = await addressOf(running);
    await until(async () =>
      /^barline_records_stored_total\{tenant="default"\} [1-9]/m.test(await (await fetch(`${url}/metrics`)).text())
    );
    running.kill("SIGTERM");
    const { code, json } = await running.ended;
    assertEquals(code, 0);
    assertEquals([json.inFlight, json.deadLettered], [0, 0]);
    assertBalances(json);
    assertEquals(await work.count(), json.stored);
  });

  Deno.test("an unknown option exits 2 and names the nearest", async () => {
    await using work = await openWorkspace();
    const { code, stderr } = await work.run(["ingest", "--bach-size", "5"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "did you mean --batch-size?");
  });

  Deno.test("a file without a needed column exits 1, says which and stores nothing", async () => {
    await using work = await openWorkspace(server);
    const file = await work.write("bars.csv", `${HEADER.replace(",volume", "")}\n`);
    const { code, stderr } = await work.ingest(["--file", file]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "header lacks volume");
  });

  Deno.test("doctor finds everything in order, and migrate has nothing left to do", async () => {
    await using work = await openWorkspace(server);
    const target = ["--database", work.database, "--data-dir", work.dataDir];
    assertMatch((await work.run(["migrate", ...target])).stdout, /applied bars, .*, now at version \d+/);
    assertStringIncludes((await work.run(["migrate", ...target])).stdout, `up to date at version ${SCHEMA_VERSION}`);
    const { code, stdout } = await work.run(["doctor", ...target, "--http", "127.0.0.1:0"]);
    assertEquals(code, 0, stdout);
    assertStringIncludes(stdout, `schema up to date (${SCHEMA_VERSION})`);
  });

  Deno.test("help is printed for the program and for each command, with examples", async () => {
    await using work = await openWorkspace();
    const listed = (await work.run(["--help"])).stdout.split("Commands:\n")[1].split("\n\n")[0];
    const names = [...listed.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    assert(names.length > 10);
    for (const name of ["", ...names]) {
      const { code, stdout } = await work.run([...name.split(" ").filter(Boolean), "--help"]);
      assertEquals(code, 0);
      assertMatch(stdout, /Examples:\n {2}barline /);
    }
    assertMatch((await work.run(["version"])).stdout, /^barline \d+\.\d+\.\d+ /);
  });
}
