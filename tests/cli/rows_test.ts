import { assertEquals, assertStringIncludes } from "@std/assert";
import { csvFile, csvLine, HEADER } from "../support/bars.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

const run = (work: Workspace, ...args: string[]) =>
  work.run([...args, "--database", work.database, "--data-dir", work.dataDir]);

async function load(work: Workspace, name: string, text: string): Promise<void> {
  const { code, stderr } = await work.ingest(["--file", await work.write(name, text)]);
  assertEquals(code, 0, stderr);
}

const volumes = async (work: Workspace, symbol: string) =>
  (await work.query(`SELECT volume FROM bars WHERE symbol = '${symbol}' ORDER BY ts`)).map(({ volume }) => volume);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => 1000 + from + at);

testWhere(
  missingServer(),
  "delete removes the records of a range of the named series alone, and brings them into doubt",
  async () => {
    await using work = await openWorkspace(server);
    await load(work, "bars.csv", csvFile(60) + csvFile(60, "MSFT").slice(HEADER.length + 1));
    await work.query(`INSERT INTO series_coverage (series_id, updated_by, confirmed, updated_at)
SELECT id, 'test', '{[2024-01-02 14:00Z, 2024-01-02 16:00Z)}', now() FROM series_key`);
    const range = ["--from", "2024-01-02T14:40:00Z", "--to", "2024-01-02T14:50:00Z"];
    const only = ["delete", "--provider", "replay", "--symbols", "AAPL", ...range];

    assertStringIncludes((await run(work, ...only, "--dry-run")).stdout, "Would delete 10 records of 1 series");
    assertEquals((await run(work, ...only)).code, 2, "without a terminal it needs --yes");
    assertEquals((await run(work, "delete", "--yes")).code, 2, "no series is named");
    assertEquals(await work.count(), 120);

    const { code, json, stderr } = await run(work, ...only, "--yes", "--json");
    assertEquals([code, json?.deleted], [0, 10], stderr);
    assertEquals(await volumes(work, "AAPL"), [...numbers(0, 10), ...numbers(20, 60)]);
    assertEquals(await volumes(work, "MSFT"), numbers(0, 60));
    const doubts = await work.query(`SELECT k.symbol, d.reason, d.starts = '2024-01-02 14:40Z' AS starts,
  d.ends = '2024-01-02 14:50Z' AS ends FROM series_doubt d JOIN series_key k ON k.id = d.series_id`);
    assertEquals(doubts, [{ symbol: "AAPL", reason: "deleted", starts: true, ends: true }]);
  },
);

testWhere(
  missingServer(),
  "rename merges two symbols by the newer observation, and their loads can still be undone",
  async () => {
    await using work = await openWorkspace(server);
    const others = [
      HEADER,
      ...Array.from({ length: 20 }, (_, at) => csvLine(10 + at, "META").replace(/,\d+$/, ",1")),
      "",
    ];
    await load(work, "old.csv", csvFile(20, "FB"));
    await load(work, "new.csv", others.join("\n"));
    await load(work, "late.csv", [HEADER, csvLine(15, "FB").replace(/,\d+$/, ",7"), ""].join("\n"));
    const { code, json, stderr } = await run(work, "rename", "--symbols", "FB=META", "--yes", "--json");
    assertEquals(code, 0, stderr);
    assertEquals([json.series[0].moved, json.series[0].superseded], [20, 9]);
    const ones = (count: number) => Array.from({ length: count }, () => 1);
    assertEquals(await volumes(work, "META"), [...numbers(0, 10), ...ones(5), 7, ...ones(14)]);
    assertEquals(await work.query("SELECT symbol FROM series_key"), [{ symbol: "META" }]);

    const undone = await run(work, "loads", "undo", "3", "--yes", "--json");
    assertEquals([undone.json?.removed, undone.json?.restored], [0, 1], undone.stderr);
    assertEquals((await volumes(work, "META"))[15], 1015);
    const bad = await run(work, "rename", "--symbols", "META", "--yes");
    assertEquals(bad.code, 2);
    assertStringIncludes(bad.stderr, "expected OLD=NEW");
  },
);

testWhere(
  missingServer(),
  "of two symbols that one load replaced, its undo after a rename restores the newer row",
  async () => {
    await using work = await openWorkspace(server);
    await load(work, "new.csv", csvFile(1, "META"));
    await load(work, "old.csv", [HEADER, csvLine(0, "FB").replace(/,\d+$/, ",7"), ""].join("\n"));
    await load(
      work,
      "both.csv",
      [HEADER, ...["FB", "META"].map((s) => csvLine(0, s).replace(/,\d+$/, ",1")), ""].join("\n"),
    );
    await run(work, "rename", "--symbols", "FB=META", "--yes");
    assertEquals(await volumes(work, "META"), [1]);
    const undone = await run(work, "loads", "undo", "3", "--yes", "--json");
    assertEquals([undone.json?.removed, undone.json?.restored], [0, 1], undone.stderr);
    assertEquals(await volumes(work, "META"), [7]);
  },
);

Deno.test("while a run has the embedded database, delete names its process and does nothing", async () => {
  await using work = await openWorkspace();
  const running = work.startIngest(["--provider", "mock", "--symbols", "A", "--rate", "50"], { endless: true });
  await running.line(/Provider mock opened/);
  const { code, stderr } = await run(work, "delete", "--provider", "mock", "--yes");
  assertEquals(code, 1);
  assertStringIncludes(stderr, `process ${running.pid} has it`);
  running.kill("SIGTERM");
  await running.ended;
});
