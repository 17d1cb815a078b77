import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { csvLine, HEADER } from "../support/bars.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

/** A workspace with three letters whose high is too low. */
async function withLetters(): Promise<Workspace> {
  const work = await openWorkspace(server);
  const lines = [0, 1, 2].map((at) => csvLine(at).replace(",101,", ",99,"));
  await work.ingest(["--file", await work.write("bars.csv", [HEADER, ...lines, csvLine(3)].join("\n"))]);
  return work;
}

/** Runs `dlq fix` with a script as editor, which gets the file as `$1`. */
async function fix(work: Workspace, script: string, ...args: string[]) {
  const editor = await work.write("my editor.sh", `set -e\n${script}\n`);
  return await work.run(["dlq", "fix", "--data-dir", work.dataDir, ...args], { env: { EDITOR: `sh '${editor}'` } });
}

Deno.test("dlq fix puts changed records back, and the replay stores them", async () => {
  await using work = await withLetters();
  // Written beside and moved there, as many editors do.
  const { code, stdout } = await fix(work, `sed 's/"high":99/"high":101/' "$1" > "$1.new" && mv "$1.new" "$1"`);
  const command = `barline dlq replay --data-dir ${work.dataDir}`;
  assertEquals([code, stdout], [0, `Changed 3 of 3 letters. Send them with: ${command}\n`]);
  const replayed = await work.run(["dlq", "replay", "--data-dir", work.dataDir, "--database", work.database]);
  assertStringIncludes(replayed.stdout, "Removed 3 dead letters");
  assertEquals(await work.query("SELECT DISTINCT high FROM bar"), [{ high: 101 }]);
  assertEquals(await work.letters(), []);
});

Deno.test("dlq fix keeps unchanged records, line by line", async () => {
  await using work = await withLetters();
  const before = await work.letters();
  await fix(work, `sed -i -e 1d -e '2s/"high":99/"high":101/' "$1"`);
  const after = await work.letters();
  assertEquals([after[0], after[2]], [before[0], before[2]]);
  assertEquals(after[1].items, [{ ...before[1].items[0] as object, high: 101 }]);
  assertEquals([...Deno.readDirSync(`${work.dataDir}/dead-letters`)].filter(({ name }) => name.startsWith("fix")), []);
});

Deno.test("dlq fix opens what --where and --limit choose, for the owner alone", async () => {
  await using work = await withLetters();
  const { stderr } = await fix(
    work,
    `wc -l < "$1" >&2; stat -c %a "$1" >&2`,
    "--where",
    "cause=invalid",
    "--limit",
    "2",
  );
  assertStringIncludes(stderr, "Opening the first 2 letters");
  assertMatch(stderr, /^ *2\n600$/m);
  assertStringIncludes((await fix(work, "exit 9", "--where", "cause=refused")).stdout, "No dead letters to fix");
});

Deno.test("dlq fix changes nothing while a record is unsound, says why, and keeps the edited text", async () => {
  await using work = await withLetters();
  const before = await work.letters();
  const { code, stderr } = await fix(work, `sed -i '1s/"high":99/"high":101/; 2s/"high":99/"high":98/' "$1"`);
  assertEquals(code, 1);
  assertMatch(stderr, /^line 2: high is below max\(open, close\)/m);
  const [, file] = /Your text lies in (.*)/.exec(stderr)!;
  assertStringIncludes(await Deno.readTextFile(file), '"high":98');
  assertEquals(await work.letters(), before);
});

Deno.test("an editor that fails changes nothing", async () => {
  await using work = await withLetters();
  const before = await work.letters();
  const { code, stderr } = await fix(work, `sed -i 's/"high":99/"high":101/' "$1"; exit 3`);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "ended with exit code 3, nothing was changed");
  assertEquals(await work.letters(), before);
});

Deno.test("without an editor dlq fix exits 2 and says how to name one", async () => {
  await using work = await withLetters();
  const { code, stderr } = await work.run(["dlq", "fix", "--data-dir", work.dataDir]);
  assertEquals([code, stderr], [
    2,
    "Cannot open letters: there is no editor. Set VISUAL or EDITOR, as in EDITOR=nano\n",
  ]);
});

Deno.test("dlq list groups by one field or the age, of letters within a time", async () => {
  await using work = await withLetters();
  const list = async (...args: string[]) =>
    (await work.run(["dlq", "list", "--data-dir", work.dataDir, "--json", ...args])).json;
  const [{ first, last, ...age }] = await list("--by", "age", "--newer-than", "1h");
  assertEquals(age, { age: "up to a minute", count: 3, replays: 0 });
  assertEquals(first <= last, true);
  for (const [by, value] of [["reason", "high is below max(open, close)"], ["provider", "replay"]]) {
    assertEquals((await list("--by", by)).map((group: Record<string, unknown>) => group[by]), [value]);
  }
  assertEquals(await list("--older-than", "1h"), []);
  const { code, stderr } = await work.run(["dlq", "list", "--data-dir", work.dataDir, "--by", "colour"]);
  assertEquals([code, stderr], [2, 'Cannot group by "colour": expected one of reason, sqlstate, provider, age\n']);
  const wrong = await work.run(["dlq", "list", "--data-dir", work.dataDir, "--older-than", "soon"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, 'Cannot understand the duration "soon": expected a number and s, m, h, d or w');
});
