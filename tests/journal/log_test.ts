import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { listSegments } from "../../src/journal/format.ts";
import type { Appended, LogEntry } from "../../src/journal/log.ts";
import { itemOf, journalDirectory, minutesOf, readAll } from "../support/journal.ts";

const never = () => false;
const always = () => true;

/** The entries that were handed over. */
function entriesOf(appended: Appended): readonly LogEntry[] {
  if ("refused" in appended) throw new Error(appended.refused);
  return appended.entries;
}

Deno.test("appended entries are read back in order, and counted meanwhile", async () => {
  await using directory = await journalDirectory();
  await using log = await directory.open();
  await log.append([itemOf(0, 3), itemOf(3)], never);
  await log.append([itemOf(4)], never);
  assertEquals([log.status.entries, log.status.unreadEntries, log.status.unreadRecords], [3, 3, 5]);
  assertEquals(await readAll(log), [0, 1, 2, 3, 4]);
  assertEquals([log.status.entries, log.status.unreadEntries, log.status.unreadRecords], [3, 0, 0]);
});

Deno.test("an entry taken at its appending is not read back, and an unread one is not offered", async () => {
  await using directory = await journalDirectory();
  await using log = await directory.open();
  assertEquals(entriesOf(await log.append([itemOf(0), itemOf(1, 2)], always)).map(({ records }) => records), [1, 2]);
  assertEquals(log.status.unreadEntries, 0);
  assertEquals(entriesOf(await log.append([itemOf(2)], never)), []);
  assertEquals(entriesOf(await log.append([itemOf(3)], always)), []);
  assertEquals(await readAll(log), [2, 3]);
});

Deno.test("a new process reads the unsettled entries, and numbers on", async () => {
  await using directory = await journalDirectory();
  {
    await using log = await directory.open();
    const entries = entriesOf(await log.append([itemOf(0), itemOf(1), itemOf(2)], always));
    // Settled out of turn: the second waits for the first.
    entries[1].settle();
    entries[0].settle();
  }
  {
    await using log = await directory.open();
    await log.append([itemOf(3)], never);
    const { entry, message } = (await log.read())!;
    assertEquals([minutesOf(message), entry.isRecovered], [[2], true]);
    const second = (await log.read())!;
    assertEquals([minutesOf(second.message), second.entry.isRecovered], [[3], false]);
    second.entry.settle();
  }
  await using log = await directory.open();
  assertEquals(await readAll(log), [2, 3]);
});

Deno.test("segments are begun by size, and removed when they are settled", async () => {
  await using directory = await journalDirectory();
  await using log = await directory.open({ segmentBytes: 2000 });
  for (let minute = 0; minute < 40; minute++) await log.append([itemOf(minute)], never);
  const before = await listSegments(directory.path);
  assert(before.length > 5, `${before.length} segments`);
  const entries: LogEntry[] = [];
  for (let read = await log.read(); read !== undefined; read = await log.read()) entries.push(read.entry);
  for (const entry of entries) entry.settle();
  await log[Symbol.asyncDispose]();
  assertEquals(await listSegments(directory.path), []);
  assertEquals([log.status.bytes, log.status.entries], [0, 0]);
  await using next = await directory.open();
  assertEquals(entriesOf(await next.append([itemOf(40)], always))[0].number, entries.at(-1)!.number + 1);
});

Deno.test("two processes cannot share a journal, and the second is given the number of the first", async () => {
  await using directory = await journalDirectory();
  await using _log = await directory.open();
  const { message } = await assertRejects(() => directory.open(), Error, "Cannot use the journal");
  assertStringIncludes(message, `process ${Deno.pid} has it`);
});

Deno.test("files are accessible to their owner alone", async () => {
  await using directory = await journalDirectory();
  const path = join(directory.path, "deeper");
  await using log = await directory.open({ directory: path });
  await log.append([itemOf(0)], never);
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o700);
  for await (const { name } of Deno.readDir(path)) {
    assertEquals((await Deno.stat(join(path, name))).mode! & 0o777, 0o600, name);
  }
});

Deno.test("a full journal refuses, and takes again what fits after the oldest segment was given up", async () => {
  await using directory = await journalDirectory();
  await using log = await directory.open({ maxBytes: 6000, segmentBytes: 2000 });
  let minute = 0;
  let refused: Appended = { entries: [] };
  while (!("refused" in refused)) refused = await log.append([itemOf(minute++)], never);
  assertEquals(refused.isFull, true);
  assertStringIncludes(refused.refused, "its limit of 5.86 kiB");
  const before = log.status;
  assert(before.bytes <= 6000);
  const dropped = (await log.dropOldest())!;
  assert(dropped > 0);
  assertEquals(log.status.unreadRecords, before.unreadRecords - dropped);
  assertEquals(entriesOf(await log.append([itemOf(minute - 1)], never)), []);
  assertEquals(await readAll(log), Array.from({ length: minute - dropped }, (_, at) => dropped + at));
});

Deno.test("entries in flight can still be settled after their segment was given up", async () => {
  await using directory = await journalDirectory();
  await using log = await directory.open({ segmentBytes: 1000 });
  for (let minute = 0; minute < 4; minute++) await log.append([itemOf(minute)], never);
  const { entry } = (await log.read())!;
  const dropped = (await log.dropOldest())!;
  assertEquals(await readAll(log), [0, 1, 2, 3].slice(1 + dropped));
  entry.settle();
  while (await log.dropOldest() !== undefined);
  assertEquals([log.status.bytes, log.status.unreadEntries], [0, 0]);
});

Deno.test("an entry that cannot be used is set aside", async () => {
  await using directory = await journalDirectory();
  await using log = await directory.open();
  await log.append([itemOf(0)], never);
  const { entry, message } = (await log.read())!;
  await log.setAside(entry, message, "nothing is known of it");
  assertStringIncludes(directory.notices[0], `set aside as "${join(directory.path, "1.entry")}"`);
  assertEquals(minutesOf(await Deno.readFile(join(directory.path, "1.entry"))), [0]);
});
