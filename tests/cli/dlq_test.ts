import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { csvFile, csvLine, HEADER } from "../support/bars.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

/** Runs `barline dlq` on the workspace. */
function dlq(work: Workspace, ...args: string[]) {
  const target = args[0] === "replay" ? ["--database", work.database] : [];
  return work.run(["dlq", ...args, "--data-dir", work.dataDir, ...target]);
}

/** A workspace with ten letters of bars that are sound, but were refused, and two that will never be. */
async function withLetters(): Promise<Workspace> {
  const work = await openWorkspace(server);
  await work.migrate();
  await work.query("ALTER TABLE bar ADD CONSTRAINT cheap CHECK (volume < 5000)");
  const dear = Array.from({ length: 10 }, (_, at) => csvLine(at).replace(/\d+$/, "5000.5"));
  const lines = [HEADER, ...dear, "broken", "AAPL,1m,2024-01-02T14:30:00Z,2,1,1,2,5", csvLine(20)];
  const { code, json } = await work.ingest(["--file", await work.write("bars.csv", lines.join("\n"))]);
  assertEquals([code, json.stored, json.deadLettered], [0, 1, 12]);
  return work;
}

Deno.test("dlq list counts letters by reason, the most first, as text and as JSON", async () => {
  await using work = await withLetters();
  const { code, stdout } = await dlq(work, "list");
  assertEquals(code, 0);
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.length, 3);
  assertMatch(lines[0], /^ +10 +replay +23514 +\S+Z +refused by the sink$/);
  const groups = JSON.parse((await dlq(work, "list", "--json")).stdout);
  assertEquals(groups[0].count, 10);
  assertEquals(groups[0].sqlstate, "23514");
});

Deno.test("dlq show prints the letters that match, one JSON object a line", async () => {
  await using work = await withLetters();
  const { stdout } = await dlq(work, "show", "--where", "sqlstate=23514", "--limit", "2");
  const letters = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(letters.length, 2);
  assertStringIncludes(letters[0].error, 'violates check constraint "cheap"');
  assertEquals(letters[0].metadata.location, `${work.directory}/bars.csv:2`);
  assertEquals(letters[0].items[0].volume, 5000.5);
  assert(letters[0].metadata.attempts >= 1);
});

Deno.test("dlq show writes out control characters, which could make a terminal do things", async () => {
  await using work = await openWorkspace(server);
  await work.ingest(["--file", await work.write("bars.csv", `${HEADER}\n\x1b[31m\u009b\n`)]);
  const { stdout } = await dlq(work, "show");
  assertEquals(["\x1b", "\u009b"].some((character) => stdout.includes(character)), false);
  assertEquals(JSON.parse(stdout).items, [{ raw: "\x1b[31m\u009b" }]);
});

Deno.test("dlq replay stores what can be stored now, removes exactly that, and counts a replay of the rest", async () => {
  await using work = await withLetters();
  const before = await work.letters();
  await work.query("ALTER TABLE bar DROP CONSTRAINT cheap");
  const { code, stdout } = await dlq(work, "replay");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "Removed 10 dead letters that are stored now; 2 were refused again and stay");
  assertEquals(await work.count(), 11);
  const rest = before.filter(({ metadata }) => metadata.sqlstate === undefined);
  assertEquals(
    await work.letters(),
    rest.map((letter) => ({ ...letter, metadata: { ...letter.metadata, replays: 1 } })),
  );
});

Deno.test("dlq replay keeps records that are still refused, and counts", async () => {
  await using work = await withLetters();
  const before = await work.letters();
  const { code, json } = await work.run([
    ...["dlq", "replay", "--json", "--data-dir", work.dataDir, "--database", work.database],
  ]);
  assertEquals([code, json.received, json.stored, json.deadLettered], [0, 12, 0, 12]);
  const after = await work.letters();
  assertEquals(after.map(({ items }) => items), before.map(({ items }) => items));
  assertEquals(new Set(after.map(({ metadata }) => metadata.replays)), new Set([1]));
});

Deno.test("dlq replay takes --where and --limit, and --dry-run does nothing", async () => {
  await using work = await withLetters();
  await work.query("ALTER TABLE bar DROP CONSTRAINT cheap");
  const dry = await dlq(work, "replay", "--where", "sqlstate=23514", "--dry-run");
  assertEquals([dry.code, dry.stdout], [0, "Would replay 10 records\n"]);
  assertEquals((await work.letters()).length, 12);
  const limited = await dlq(work, "replay", "--where", "sqlstate=23514", "--limit", "4");
  assertStringIncludes(limited.stdout, "Removed 4 dead letters");
  assertEquals([(await work.letters()).length, await work.count()], [8, 5]);
});

Deno.test("dlq replay never replaces a record observed after the letter was written", async () => {
  await using work = await withLetters();
  await work.query("ALTER TABLE bar DROP CONSTRAINT cheap");
  await work.ingest(["--file", await work.write("newer.csv", csvFile(1))]);
  const { code, json } = await work.run([
    ...[
      "dlq",
      "replay",
      "--where",
      "sqlstate=23514",
      "--json",
      "--data-dir",
      work.dataDir,
      "--database",
      work.database,
    ],
  ]);
  assertEquals([code, json.stored, json.unchanged], [0, 9, 1]);
  assertEquals(await work.query("SELECT count(*)::int AS kept FROM bar WHERE volume = 1000"), [{ kept: 1 }]);
});

Deno.test("dlq purge asks first, and without a terminal requires --yes", async () => {
  await using work = await withLetters();
  const asked = await dlq(work, "purge", "--where", "sqlstate=23514");
  assertEquals(asked.code, 2);
  assertStringIncludes(asked.stderr, "Cannot ask whether to purge 10 letters: give --yes");
  assertEquals((await work.letters()).length, 12);
  const purged = await dlq(work, "purge", "--where", "sqlstate=23514", "--yes");
  assertEquals([purged.code, purged.stdout], [0, "Purged 10 dead letters\n"]);
  assertEquals((await work.letters()).map(({ metadata }) => metadata.sqlstate), [undefined, undefined]);
});

Deno.test("dlq refuses a condition on a field that no letter has", async () => {
  await using work = await openWorkspace();
  const { code, stderr } = await dlq(work, "show", "--where", "price=1");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "expected FIELD=TEXT with one of reason, cause, sqlstate");
});

Deno.test("dlq names its subcommands where it is given none, or an unknown one", async () => {
  await using work = await openWorkspace();
  assertStringIncludes(
    (await work.run(["dlq"])).stderr,
    "expected one of list, show, fix, replay, purge, found nothing",
  );
  const { code, stderr } = await work.run(["dlq", "lst"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'did you mean "list"?');
});
