import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { basename, join } from "@std/path";
import { journalDirectory, listSegments } from "../../src/journal/format.ts";
import { type JournalLog, openLog } from "../../src/journal/log.ts";
import { WITHOUT_OVERRIDE } from "../faults/harness/surroundings.ts";
import { csvFile } from "../support/bars.ts";
import { itemOf } from "../support/journal.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

function openJournal(work: Workspace, segmentBytes?: number): Promise<JournalLog> {
  return openLog({
    directory: journalDirectory(work.dataDir),
    maxBytes: 1 << 20,
    segmentBytes,
    warn: (message) => assertEquals(message, "", "nothing is to be told"),
    onLost: (records) => assertEquals(records, 0),
  });
}

/** A workspace with 30 bars of the provider `test` in the journal, in six frames. */
async function withJournal(segmentBytes?: number): Promise<Workspace> {
  const work = await openWorkspace(server);
  await using log = await openJournal(work, segmentBytes);
  for (let minute = 0; minute < 30; minute += 5) await log.append([itemOf(minute, 5)], () => false);
  return work;
}

/** Runs `barline journal` on the workspace, as somebody to whom a file can say no. */
const journal = (work: Workspace, ...args: string[]) =>
  work.run(["journal", ...args, "--data-dir", work.dataDir], { through: WITHOUT_OVERRIDE });

async function flip(work: Workspace, from: number): Promise<string> {
  const [path] = await listSegments(journalDirectory(work.dataDir));
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - from] ^= 1;
  await Deno.writeFile(path, bytes);
  return path;
}

Deno.test("inspect shows the content of the journal, as text and as JSON", async () => {
  await using work = await withJournal();
  const { code, stdout } = await journal(work, "inspect");
  assertEquals(code, 0);
  assertMatch(stdout, /30 records in 6 frames/);
  assertMatch(stdout, / 30 bar of test, 0 rejected/);
  const told = (await journal(work, "inspect", "--json")).json;
  assertEquals([told.records, told.frames, told.damaged, told.segments.length], [30, 6, 0, 1]);
  assertEquals(told.contents, [{ provider: "test", kind: "bar", frames: 6, records: 30, rejected: 0 }]);
  assertEquals([told.segments[0].first, told.segments[0].last, told.segments[0].bytes], [1, 6, told.bytes]);
  assert(told.oldest <= told.newest);
});

Deno.test("inspect without a journal says so, and creates none", async () => {
  await using work = await openWorkspace(server);
  assertStringIncludes((await journal(work, "inspect")).stdout, "0 records in 0 frames");
  for (const command of ["verify", "repair", "export"]) assertEquals((await journal(work, command)).code, 0);
  assertEquals([...await Array.fromAsync(Deno.readDir(work.directory))].map(({ name }) => name), []);
});

Deno.test("verify fails on damage, repair takes it out, and verify is content then", async () => {
  await using work = await withJournal();
  assertEquals((await journal(work, "verify")).code, 0);
  const path = await flip(work, 700);
  const verified = await journal(work, "verify", "--json");
  assertEquals([verified.code, verified.json.ok, verified.json.findings.length], [1, false, 1]);
  const [{ segment, place, damage }] = verified.json.findings;
  assertEquals([segment, place], [basename(path), "middle"]);
  assertStringIncludes(damage, "its checksum is wrong");
  assertMatch((await journal(work, "verify")).stdout, /bytes at \d+ \(middle, 1 frames\)/);
  const repaired = await journal(work, "repair");
  assertEquals(repaired.code, 0);
  assertStringIncludes(repaired.stdout, `set aside as "${path}.`);
  assertEquals((await journal(work, "verify")).code, 0);
  assertEquals((await journal(work, "inspect", "--json")).json.records, 25);
  assertStringIncludes((await journal(work, "repair")).stdout, "Nothing is damaged");
});

Deno.test("verify fails while a segment is missing or unreadable, until a repair has reported it", async () => {
  await using work = await withJournal(100);
  const [, second, , fourth] = await listSegments(journalDirectory(work.dataDir));
  await Deno.remove(second);
  await Deno.chmod(fourth, 0);
  const verified = await journal(work, "verify");
  assertEquals(verified.code, 1);
  assertStringIncludes(verified.stdout, "the disk does not give it: Permission denied");
  assertStringIncludes(verified.stdout, "Frame 2 is in no segment");
  assertEquals((await journal(work, "verify", "--json")).json.missing, 2);
  assertStringIncludes((await journal(work, "inspect")).stdout, "2 frames are in no segment");
  const repaired = await journal(work, "repair");
  assertEquals(repaired.code, 0, repaired.stderr);
  assertStringIncludes(repaired.stdout, `set aside as "${fourth}.unreadable"`);
  assertStringIncludes(repaired.stdout, "Frame 4 is in no segment: deleted, cut or set aside");
  assertEquals((await journal(work, "verify")).code, 0);
  const { code, json, stderr } = await work.ingest(["--limit", "1"]);
  assertEquals([code, json.received], [0, 21], stderr);
});

Deno.test("exported entries can be ingested as a file", async () => {
  await using work = await withJournal();
  const exported = await journal(work, "export");
  assertEquals([exported.code, exported.stdout.trimEnd().split("\n").length], [0, 30]);
  const file = await work.write("bars.ndjson", exported.stdout);
  const { code, json, stderr } = await work.ingest(["--file", file, "--data-dir", join(work.directory, "other")]);
  assertEquals([code, json.stored], [0, 30], stderr);
  await flip(work, 10);
  const damaged = await journal(work, "export");
  assertEquals([damaged.code, damaged.stdout.trimEnd().split("\n").length], [1, 25]);
  assertStringIncludes(damaged.stderr, "its checksum is wrong");
});

Deno.test("a journal that a process has is neither looked into nor used by another", async () => {
  await using work = await withJournal();
  await using _log = await openJournal(work);
  for (const command of ["inspect", "verify", "repair", "export"]) {
    const { code, stderr } = await journal(work, command);
    assertEquals(code, 1, command);
    assertStringIncludes(stderr, `process ${Deno.pid} has it`);
  }
  const wanted = await work.ingest(["--limit", "5", "--journal", "durable"]);
  assertEquals(wanted.code, 1);
  assertStringIncludes(wanted.stderr, `process ${Deno.pid} has it`);
  // What needs no journal runs beside the one that has it.
  const file = await work.write("bars.csv", csvFile(5));
  const { code, json } = await work.ingest(["--file", file]);
  assertEquals([code, json.stored], [0, 5]);
});

Deno.test("the next run delivers journaled records, unless the journal is off", async () => {
  await using work = await withJournal();
  const file = await work.write("bars.csv", csvFile(5, "MSFT"));
  const off = await work.ingest(["--file", file, "--journal", "off"]);
  assertEquals([off.code, off.json.received], [0, 5]);
  assertStringIncludes(off.stderr, "which --journal off leaves there");
  const { code, json, stderr } = await work.ingest(["--file", file]);
  assertEquals([code, json.received, json.stored, json.unchanged, json.journaled], [0, 35, 30, 5, 0], stderr);
  assertStringIncludes(stderr, "Delivering 30 records of an earlier run");
  assertEquals((await journal(work, "inspect", "--json")).json.records, 0);
});

Deno.test("a start reports a journal that cannot be written to, with advice", async () => {
  await using work = await openWorkspace(server);
  await Deno.mkdir(work.dataDir);
  await Deno.writeTextFile(journalDirectory(work.dataDir), "in the way");
  const { code, stderr } = await work.ingest(["--limit", "5", "--journal", "overflow"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Cannot write to the journal");
  assertStringIncludes(stderr, "--journal off");
});

Deno.test("health and metrics describe the journal", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--journal", "durable", "--rate", "500", "--http", "127.0.0.1:0"]);
  const url = /http:[^\s"]+(?=\/metrics)/.exec(await running.line(/Serving/))![0];
  const { components } = await (await fetch(`${url}/health`)).json();
  const { state, details } = components.find(({ name }: { name: string }) => name === "journal");
  assertEquals([state, details.mode, details.lossWindowMs], ["healthy", "durable", 50]);
  for (const name of ["bytes", "frames", "oldestAgeSeconds"]) assertEquals(typeof details[name], "number", name);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  for (const name of ["bytes", "frames", "oldest_age_seconds", "sync_seconds_count"]) {
    assertMatch(metrics, new RegExp(`^barline_journal_${name}\\{tenant="default"\\} \\d`, "m"));
  }
  for (const name of ["replayed", "cut", "dropped"]) {
    assertMatch(metrics, new RegExp(`^barline_journal_${name}_total\\{tenant="default"\\} 0$`, "m"));
  }
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});
