import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deadLetterDirectory, listLetterFiles } from "../../src/dead_letters/files.ts";
import { createLetterCounter } from "../../src/dead_letters/count.ts";
import { openDeadLetters } from "../../src/dead_letters/write.ts";
import type { DeadLetter } from "../../src/dead_letters/letter.ts";
import { csvFile, csvLine, HEADER } from "../support/bars.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

function replay(work: Workspace, ...args: string[]) {
  return work.run(["dlq", "replay", "--data-dir", work.dataDir, "--database", work.database, ...args]);
}

/** A workspace whose table refuses volumes from 5000 on, with that many letters of such bars and one that is unsound. */
async function withRefused(count: number): Promise<Workspace> {
  const work = await openWorkspace(server);
  await work.migrate();
  await work.query("ALTER TABLE bar ADD CONSTRAINT cheap CHECK (volume < 5000)");
  const dear = Array.from({ length: count }, (_, at) => csvLine(at).replace(/\d+$/, "5000.5"));
  await work.ingest([
    "--file",
    await work.write("bars.csv", [HEADER, ...dear, csvLine(500, "no such\u00a0")].join("\n")),
  ]);
  return work;
}

Deno.test("each replay that is refused is counted; at the cap letters are skipped and listed, and --force sends them", async () => {
  await using work = await withRefused(3);
  for (let round = 1; round <= 2; round++) {
    await replay(work, "--max-replays", "2");
    assertEquals((await work.letters()).map(({ metadata }) => metadata.replays), [round, round, round, round]);
  }
  const skipped = await replay(work, "--max-replays", "2");
  assertStringIncludes(skipped.stdout, "Skipped 4 letters that were refused too often");
  assertStringIncludes(skipped.stdout, "received 0 =");
  const listed = await work.run(["dlq", "list", "--data-dir", work.dataDir, "--json"]);
  assertEquals(listed.json.map(({ replays }: { replays: number }) => replays), [2, 2]);
  await work.query("ALTER TABLE bar DROP CONSTRAINT cheap");
  const forced = await replay(work, "--max-replays", "2", "--force");
  assertStringIncludes(forced.stdout, "Removed 3 dead letters that are stored now; 1 were refused again and stay");
  assertEquals((await work.letters()).map(({ metadata }) => metadata.replays), [3]);
});

Deno.test("a letter that is refused for another reason than before shows the newest", async () => {
  await using work = await withRefused(1);
  await work.query("ALTER TABLE bar DROP CONSTRAINT cheap");
  await work.query("ALTER TABLE bar ADD CONSTRAINT other CHECK (volume < 4000) NOT VALID");
  await replay(work, "--where", "sqlstate=23514");
  const [letter] = (await work.letters()).filter(({ metadata }) => metadata.sqlstate === "23514");
  assertStringIncludes(letter.error, 'constraint "other"');
});

Deno.test("--dry-run lists unsound records and those over the cap, and changes nothing", async () => {
  await using work = await withRefused(3);
  await replay(work, "--where", "sqlstate=23514");
  const before = await work.letters();
  const { stdout } = await replay(work, "--dry-run", "--max-replays", "1");
  assertEquals(stdout.split("\n").slice(0, 2), [
    "Would replay 1 records",
    "1 of them are still unsound and would be refused again:",
  ]);
  assertStringIncludes(stdout, "Would skip 3 letters");
  const { json } = await replay(work, "--dry-run", "--json");
  assertEquals([json.letters, json.records, json.unsound, json.overCap], [4, 4, 1, 0]);
  assertEquals(await work.letters(), before);
});

Deno.test("a cap that is not a count exits 2", async () => {
  await using work = await openWorkspace(server);
  const { code, stderr } = await replay(work, "--max-replays", "0");
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'current value is "0", expected a whole number from 1');
});

const COUNT = 30_000;

/** A bar that can be stored, and each hundredth one that never will be. */
function makeLetter(at: number): DeadLetter {
  const ts = new Date(Date.UTC(2024, 0, 1) + at * 60_000).toISOString();
  const prices = { open: 1, high: at % 100 === 0 ? 0.5 : 2, low: 0.5, close: 1, volume: at };
  const item = { provider: "replay", symbol: "AAPL", timeframe: "1m", ts, ...prices, receivedAt: 1e15 + at };
  return { cause: "refused", reason: `was away: ${at}`, kind: "bar", provider: "replay", item };
}

testWhere(
  missingServer(),
  "a replay killed again and again, while letters are added and files begun, stores each once and leaves the rest",
  async () => {
    await using work = await openWorkspace(server);
    await work.migrate();
    const directory = deadLetterDirectory(work.dataDir);
    const letters = openDeadLetters({ directory, maxFileBytes: 1_000_000 });
    let written = 0;
    const write = async (count: number) => {
      const many = Array.from({ length: count }, (_, at) => makeLetter(written + at));
      await letters.write(many);
      written += count;
    };
    for (let round = 0; round < 30; round++) await write(COUNT / 30);
    const waiting = createLetterCounter(directory);
    let seed = 7;
    const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    let killed = 0;
    const seen = new Set<number>();
    for (let round = 0; round < 12; round++) {
      const running = work.start(["dlq", "replay", "--data-dir", work.dataDir, "--database", work.database]);
      const stop = Math.floor(random() * 1200);
      const isEarly = await Promise.race([
        running.ended.then(() => false),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 250 + stop)),
      ]);
      await write(50);
      if (isEarly) running.kill("SIGKILL");
      const { code } = await running.ended;
      if (code === 137) killed++;
      seen.add(await waiting());
      // What is gone from the letters is in the table: nothing is lost at any time.
      assert(await work.count() + await waiting() >= written);
    }
    assert(killed >= 3, `only ${killed} replays were killed`);
    assert(seen.size >= 3);
    const { code, stderr } = await replay(work);
    assertEquals(code, 0, stderr);
    const bad = Array.from({ length: written }, (_, at) => at).filter((at) => at % 100 === 0);
    assertEquals(await work.count(), written - bad.length);
    assertEquals(
      (await work.query(
        "SELECT count(*)::int AS wrong FROM bar WHERE volume <> extract(epoch FROM ts - '2024-01-01Z') / 60",
      ))[0]
        .wrong,
      0,
    );
    const left = (await work.letters()).map(({ items }) => (items[0] as { volume: number }).volume);
    assertEquals(left.sort((a, b) => a - b), bad);
    assertEquals([...Deno.readDirSync(directory)].filter(({ name }) => /receipts|rewrite/.test(name)), []);
    assertEquals(await waiting(), bad.length);
    assert((await listLetterFiles(directory)).length > 1);
  },
);

Deno.test("a replay beside a running ingest that dead-letters loses none of the new letters", async () => {
  await using work = await withRefused(200);
  await work.query("ALTER TABLE bar DROP CONSTRAINT cheap");
  const lines = csvFile(2000).split("\n").flatMap((line, at) => at > 0 && at % 2 === 0 ? [line, "broken"] : [line]);
  const [ingested] = await Promise.all([
    work.ingest(["--file", await work.write("mixed.csv", lines.join("\n"))]),
    replay(work),
    replay(work, "--where", "cause=invalid"),
  ]);
  assertEquals(ingested.code, 0);
  const left = (await work.letters()).filter(({ metadata }) => metadata.location?.includes("mixed.csv"));
  assertEquals(left.length, ingested.json.deadLettered);
});
