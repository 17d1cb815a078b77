import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { csvFile, csvLine, HEADER } from "../support/bars.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { assertBalances } from "./scenarios.ts";

const server = await startSharedServer();

/** Rows whose times have no zone. */
function zoneless(count: number): string {
  const lines = Array.from({ length: count }, (_, at) => csvLine(at).replace("Z,", ","));
  return `${[HEADER, ...lines].join("\n")}\n`;
}

async function sizeOf(directory: string): Promise<number> {
  let size = 0;
  for await (const { name } of Deno.readDir(directory)) size += (await Deno.stat(join(directory, name))).size;
  return size;
}

Deno.test("a file whose first 1,000 records are all refused for one reason is abandoned, and the others are read", async () => {
  await using work = await openWorkspace(server);
  const bad = await work.write("1.csv", zoneless(5000));
  const good = await work.write("2.csv", csvFile(700));
  const { code, json, stderr } = await work.ingest(["--file", bad, "--file", good]);
  assertEquals([code, json.ended, json.deadLettered, json.stored], [1, "failed", 1000, 700], stderr);
  assertBalances(json);
  const why = `"${bad}": its first 1,000 records are all refused, and the rest is left there: ts is not an ISO 8601`;
  assertStringIncludes(json.error, why);
  const [{ reason, count, example }] = json.reasons;
  assertEquals([count, example.location, example.item.symbol], [1000, `${bad}:2`, "AAPL"]);
  assertStringIncludes(reason, "ts is not an ISO 8601");
  assertStringIncludes(example.error, example.item.ts);
  // The letters of 1,000 rows cost no more than 4 times as much as the rows.
  const rows = zoneless(1000).length;
  const size = await sizeOf(join(work.dataDir, "dead-letters"));
  assert(size <= 4 * rows, `${size} bytes for ${rows}`);
  assertEquals((await work.letters()).length, 1000);
});

Deno.test("a file with records, none of them accepted, ends with exit code 1, one of a header alone with 0", async () => {
  await using work = await openWorkspace(server);
  const few = await work.ingest(["--file", await work.write("few.csv", zoneless(3))]);
  assertEquals([few.code, few.json.deadLettered], [1, 3]);
  assertStringIncludes(few.json.error, "none of its 3 records is accepted: ts is not an ISO 8601");
  const limited = await work.ingest(["--file", await work.write("few.csv", zoneless(3)), "--limit", "2"]);
  assertEquals([limited.code, limited.json.ended], [1, "failed"]);
  const mixed = await work.ingest(["--file", await work.write("mixed.csv", `${csvFile(1)}bad\nworse\n`)]);
  assertEquals([mixed.code, mixed.json.deadLettered], [0, 2]);
  const header = await work.ingest(["--file", await work.write("header.csv", `${HEADER}\n`)]);
  assertEquals(header.code, 0);
});

Deno.test("--refuse-limit leaves a file by a share, or never", async () => {
  await using work = await openWorkspace(server);
  const lines = Array.from({ length: 4000 }, (_, at) => at % 4 === 0 ? "bad" : csvLine(at));
  const file = await work.write("bars.csv", `${[HEADER, ...lines].join("\n")}\n`);
  const lenient = await work.ingest(["--file", file]);
  assertEquals([lenient.code, lenient.json.deadLettered], [0, 1000]);
  const left = await work.ingest(["--file", file, "--refuse-limit", "20%"]);
  assertEquals([left.code, left.json.received], [1, 1000]);
  assertStringIncludes(left.json.error, "25 % of its first 1,000 records are refused");
  const all = await work.ingest(["--file", await work.write("bad.csv", zoneless(1500)), "--refuse-limit", "off"]);
  assertEquals([all.code, all.json.received], [1, 1500]);
});

Deno.test("a file continued in the middle of a bad stretch is not abandoned as if that were its beginning", async () => {
  await using work = await openWorkspace(server);
  const lines = Array.from(
    { length: 3000 },
    (_, at) => at < 500 ? csvLine(at) : at < 2500 ? "bad" : csvLine(at - 2000),
  );
  const file = await work.write("bars.csv", `${[HEADER, ...lines].join("\n")}\n`);
  const begun = await work.ingest(["--file", file, "--limit", "600"]);
  assertEquals([begun.json.stored, begun.json.deadLettered], [500, 100], begun.stderr);
  const { code, json, stderr } = await work.ingest(["--file", file, "--resume"]);
  assertEquals([code, json.stored, json.deadLettered], [0, 500, 1900], stderr);
});

Deno.test("the summary names the commonest reasons with an example, and a command that shows them wherever it is run", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", `${csvFile(5)}${zoneless(3).split("\n").slice(1).join("\n")}"\n`);
  const dataDir = join(work.directory, "my data");
  const { stdout } = await work.run(
    ["ingest", "--http", "off", "--database", work.database, "--data-dir", "my data", "--file", file],
  );
  assertMatch(stdout, /^refused: 3 × ts is not an ISO 8601[^\n]*, as "2[^"]*" in \S*bars\.csv:7$/m);
  const hint = /see them with: barline (.*)$/m.exec(stdout)![1];
  assertEquals(hint, `dlq list --data-dir '${await Deno.realPath(work.directory)}/my data'`);
  const listed = await work.run(["dlq", "list", "--data-dir", dataDir], { cwd: "/" });
  assertMatch(listed.stdout, /^ +3 +replay/);
});
