import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { csvFile, csvLine, HEADER } from "../support/bars.ts";
import { dumpTables, lockRow, untilLocked } from "../support/loads.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

/** A file in which the bars from one minute to another are others than those of `csvFile`. */
const otherBars = (from: number, to: number, symbol = "AAPL") =>
  [
    HEADER,
    ...Array.from({ length: to - from }, (_, at) => csvLine(from + at, symbol).replace(",100.5,", ",100.75,")),
    "",
  ]
    .join("\n");

const loads = (work: Workspace, ...args: string[]) =>
  work.run(["loads", ...args, "--database", work.database, "--data-dir", work.dataDir]);

/** Loads a file and expects that it is stored. */
async function load(work: Workspace, path: string, ...args: string[]): Promise<string> {
  const { code, stderr } = await work.ingest(["--file", path, ...args]);
  assertEquals(code, 0, stderr);
  return stderr;
}

testWhere(missingServer(), "a load is recorded, and its bytes are recognised before they are read again", async () => {
  await using work = await openWorkspace(server);
  const text = csvFile(5);
  const path = await work.write("bars.csv", text);
  assert(!(await load(work, path)).includes("loaded before"));

  const shown = await loads(work, "show", "1", "--json");
  assertEquals(shown.code, 0, shown.stderr);
  const { series: [series], ledger, state, replaced, files, command } = shown.json;
  assertEquals(files, [{ path, size: text.length, sha256: createHash("sha256").update(text).digest("hex") }]);
  assertEquals([series.kind, series.symbol, series.timeframe], ["bar", "AAPL", "1m"]);
  assertEquals([series.first, series.last], [Date.UTC(2024, 0, 2, 14, 30), Date.UTC(2024, 0, 2, 14, 34)]);
  assertEquals([ledger.stored, state, replaced], [5, "ended", 0]);
  assertStringIncludes(command, `barline ingest --file ${path}`);
  assert(!command.includes("postgres://"), "the command shows where the password is");

  const again = await load(work, await work.write("copy.csv", text));
  assertMatch(again, /copy\.csv" was loaded before as ".*bars\.csv", by load 1 of .*: barline loads show 1/);
  const listed = await loads(work);
  assertEquals(listed.stdout.trim().split("\n").map((line) => line.trim().split(/\s+/)[0]), ["2", "1"]);
  const [{ overlaps }] = await work.query(`SELECT count(*)::int AS overlaps FROM load_time a JOIN load_time b
ON a.starts < b.starts AND tstzrange(a.starts, a.ends) && tstzrange(b.starts, b.ends)`);
  assertEquals(overlaps, 0);
});

testWhere(
  missingServer(),
  "undo leaves the tables as they were, but for rows that others have written since",
  async () => {
    await using work = await openWorkspace(server);
    await load(work, await work.write("first.csv", csvFile(400)));
    const before = await dumpTables(work);
    await load(
      work,
      await work.write("second.csv", otherBars(200, 600) + otherBars(0, 50, "NEW").slice(HEADER.length + 1)),
    );
    assert(await dumpTables(work) !== before);

    const dry = await loads(work, "undo", "2", "--dry-run");
    assertStringIncludes(dry.stdout, "Would undo load 2: removed 250, restored 200");
    assertEquals(await work.count(), 650);
    const asked = await loads(work, "undo", "2");
    assertEquals(asked.code, 2, "without a terminal it wants --yes");
    const undone = await loads(work, "undo", "2", "--yes", "--json");
    assertEquals(undone.code, 0, undone.stderr);
    assertEquals([undone.json.removed, undone.json.restored, undone.json.newer], [250, 200, 0]);
    assertEquals(await dumpTables(work), before);

    await load(work, await work.write("third.csv", otherBars(100, 500)));
    // A row of the load that was new, one that was there, and one that it has not touched.
    const written = `UPDATE bar SET open = 99, low = 99, received_at = clock_timestamp() + interval '1 second'
WHERE ts IN ('2024-01-02 14:40Z', '2024-01-02 16:20Z', '2024-01-02 22:00Z')`;
    await work.query(written);
    const kept = await work.query("SELECT ts::text, open, received_at::text FROM bar WHERE open = 99 ORDER BY ts");
    const since = await loads(work, "undo", "3", "--yes");
    assertStringIncludes(since.stdout, "written since: 2 from 2024-01-02T16:20:00Z to 2024-01-02T22:00:00Z");
    assertEquals(
      await work.query("SELECT ts::text, open, received_at::text FROM bar WHERE open = 99 ORDER BY ts"),
      kept,
    );
    await work.query("DELETE FROM bar WHERE open = 99");
    const others = "ts NOT IN ('2024-01-02 14:40Z', '2024-01-02 16:20Z', '2024-01-02 22:00Z')";
    const lines = before.split("\n").filter((line) => !/2024-01-02 (14:40|16:20|22:00):/.test(line));
    assertEquals((await dumpTables(work, others)).split("\n"), lines);
  },
);

testWhere(
  missingServer(),
  "a load and an undo that are killed half-way are undone to the end by the next",
  async () => {
    await using work = await openWorkspace(server);
    await load(work, await work.write("first.csv", csvFile(30_000)));
    const before = await dumpTables(work);
    const path = await work.write("second.csv", otherBars(5000, 40_000));
    {
      // The load waits for a row in the middle, with batches before it stored.
      await using _lock = await lockRow(work.database, "2024-01-20 10:00Z");
      const running = work.startIngest(["--file", path, "--workers", "1", "--batch-size", "1000"], { endless: true });
      await untilLocked(work);
      running.kill("SIGKILL");
      await running.ended;
    }
    const [{ replaced }] = await work.query("SELECT count(*)::int AS replaced FROM load_replaced WHERE load_id = 2");
    assert(replaced as number > 0 && replaced as number < 25_000, `${replaced} rows were replaced`);
    {
      await using _lock = await lockRow(work.database, "2024-01-15 10:00Z");
      const running = work.start(["loads", "undo", "2", "--yes", "--database", work.database], { endless: true });
      await untilLocked(work);
      running.kill("SIGKILL");
      await running.ended;
    }
    const [{ left }] = await work.query("SELECT count(*)::int AS left FROM load_replaced WHERE load_id = 2");
    assert(left as number > 0 && left as number < (replaced as number), `${left} rows are left to be restored`);
    assertEquals((await loads(work, "show", "2", "--json")).json.state, "undoing");
    const undone = await loads(work, "undo", "2", "--yes");
    assertEquals(undone.code, 0, undone.stderr);
    assertEquals(await dumpTables(work), before);

    // The position that the killed run has saved is no reason to leave anything out.
    await load(work, path, "--resume");
    assertEquals(await work.count(), 40_000);
  },
);

testWhere(missingServer(), "a run whose load is undone meanwhile fails, and leaves nothing", async () => {
  await using work = await openWorkspace(server);
  await load(work, await work.write("first.csv", csvFile(100)));
  const before = await dumpTables(work);
  const path = await work.write("second.csv", otherBars(50, 60_000));
  const running = work.startIngest(["--file", path, "--rate", "1000"]);
  while (await work.count() <= 100) await new Promise((resolve) => setTimeout(resolve, 50));
  const undone = await loads(work, "undo", "2", "--yes");
  assertEquals(undone.code, 0, undone.stderr);
  const { code, json, stderr } = await running.ended;
  assertEquals(code, 1, stderr);
  assertStringIncludes(json.error, "Cannot write records of load 2: it is undone");
  assertEquals(await dumpTables(work), before);
});

const OTHERS = {
  news: (id: number, text: string) => `{"symbol":"A","ts":"2024-01-02T14:30:00Z","id":"n${id}","headline":"${text}"}`,
  fundamental: (id: number, text: string) =>
    `{"symbol":"A","ts":"2024-01-0${id}T00:00:00Z","period":"Q${id}","items":{"${text}":1.5}}`,
  option: (id: number, text: string) =>
    `{"underlying":"A","ts":"2024-01-02T14:3${id}:00Z","strike":100.1,"expiry":"2024-02-16","type":"C","bid":${text.length}}`,
};

testWhere(missingServer(), "undo restores records of every other kind", async () => {
  await using work = await openWorkspace(server);
  for (const [at, [kind, line]] of Object.entries(OTHERS).entries()) {
    const first = await work.write(`${kind}1.ndjson`, [1, 2].map((id) => line(id, "before")).join("\n") + "\n");
    const second = await work.write(`${kind}2.ndjson`, [2, 3].map((id) => line(id, "afterwards")).join("\n") + "\n");
    await load(work, first, "--kind", kind);
    const before = await dumpTables(work);
    await load(work, second, "--kind", kind);
    const undone = await loads(work, "undo", String(2 * at + 2), "--yes", "--json");
    assertEquals([undone.json?.removed, undone.json?.restored], [1, 1], `${kind}: ${undone.stderr}`);
    assertEquals(await dumpTables(work), before, kind);
  }
});

testWhere(missingServer(), "loads that replace each other's rows are undone in any order", async () => {
  await using work = await openWorkspace(server);
  await work.migrate();
  const before = await dumpTables(work);
  for (const [at, [from, to]] of [[0, 30], [10, 40], [20, 50]].entries()) {
    const text = otherBars(from, to).replaceAll(",1000,", `,${at},`).replaceAll(/,(\d+)$/gm, `,${at}$1`);
    await load(work, await work.write(`${at}.csv`, text));
  }
  const first = async () => (await work.query("SELECT volume FROM bar ORDER BY ts")).map(({ volume }) => volume);
  for (const id of ["2", "3", "1"]) {
    const { code, stderr } = await loads(work, "undo", id, "--yes");
    assertEquals(code, 0, stderr);
    if (id === "2") assertEquals((await first()).length, 50);
    if (id === "3") assertEquals((await first()).length, 30);
  }
  assertEquals(await dumpTables(work), before);
  const pruned = await loads(work, "prune", "--older-than", "0s", "--yes", "--json");
  assertEquals(pruned.json, { loads: 2, rows: 0 });
});

Deno.test("the embedded database records a load, replaces rows, and undoes it", async () => {
  await using work = await openWorkspace();
  await load(work, await work.write("first.csv", csvFile(20)));
  const before = await dumpTables(work);
  await load(work, await work.write("second.csv", otherBars(10, 30)));
  const undone = await loads(work, "undo", "2", "--yes", "--json");
  assertEquals([undone.json?.removed, undone.json?.restored], [10, 10], undone.stderr);
  assertEquals(await dumpTables(work), before);
});
