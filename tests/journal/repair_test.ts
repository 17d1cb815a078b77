import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { listSegments, segmentHeader } from "../../src/journal/format.ts";
import { inspectSegment } from "../../src/journal/inspect.ts";
import { itemOf, type JournalDirectory, journalDirectory, readAll } from "../support/journal.ts";

const never = () => false;

/** A journal of one segment with an entry for each minute from 0 on, and where they lie. */
async function filled(directory: JournalDirectory, count = 6) {
  {
    await using log = await directory.open();
    for (let minute = 0; minute < count; minute++) await log.append([itemOf(minute)], never);
  }
  const [path] = await listSegments(directory.path);
  const places: { at: number; size: number }[] = [];
  await inspectSegment(path, 0, ({ at, size }) => void places.push({ at, size }));
  return { path, places };
}

async function change(
  path: string,
  fn: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | void,
): Promise<void> {
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, fn(bytes) ?? bytes);
}

/** What a directory holds besides lock and pointer. */
async function names(path: string): Promise<string[]> {
  const found = [...await Array.fromAsync(Deno.readDir(path))].map(({ name }) => name);
  return found.filter((name) => !["lock", "pointer"].includes(name)).sort();
}

Deno.test("an entry that a crash has left unfinished is cut, with a warning", async () => {
  await using directory = await journalDirectory();
  const { path, places } = await filled(directory);
  await Deno.truncate(path, places[5].at + places[5].size - 3);
  await using log = await directory.open();
  assertEquals(log.repairs.map(({ at, size, isTail, entries, done }) => ({ at, size, isTail, entries, done })), [
    { at: places[5].at, size: places[5].size - 3, isTail: true, entries: 1, done: "cut" },
  ]);
  assertEquals(await readAll(log), [0, 1, 2, 3, 4]);
  assertEquals((await Deno.stat(path)).size, places[5].at);
});

Deno.test("a page of zeros at the end, as a power cut leaves it, is cut", async () => {
  await using directory = await journalDirectory();
  const { path } = await filled(directory);
  await change(path, (bytes) => new Uint8Array([...bytes, ...new Uint8Array(4096)]));
  await using log = await directory.open();
  assertEquals(log.repairs.map(({ size, done }) => [size, done]), [[4096, "cut"]]);
  assertEquals(await readAll(log), [0, 1, 2, 3, 4, 5]);
});

Deno.test("a damaged middle is set aside as a file, with the count, and the rest is delivered", async () => {
  await using directory = await journalDirectory();
  const { path, places } = await filled(directory);
  // The header of one entry and the message of the next.
  await change(path, (bytes) => {
    bytes[places[2].at + 5] ^= 1;
    bytes[places[3].at + 60] ^= 1;
  });
  const damaged = (await Deno.readFile(path)).slice(places[2].at, places[3].at + places[3].size);
  await using log = await directory.open();
  assertEquals(log.repairs.map(({ at, size, entries }) => ({ at, size, entries })), [
    { at: places[2].at, size: places[2].size, entries: 0 },
    { at: places[3].at, size: places[3].size, entries: 2 },
  ]);
  assertEquals(await readAll(log), [0, 1, 4, 5]);
  const aside = (await names(directory.path)).filter((name) => name.endsWith(".damaged"));
  assertEquals(aside.length, 2);
  const kept = await Promise.all(aside.map((name) => Deno.readFile(join(directory.path, name))));
  assertEquals(new Uint8Array(kept.flatMap((bytes) => [...bytes])), damaged);
  assertEquals((await inspectSegment(path, 0)).findings, []);
});

Deno.test("bytes that were lost or have come in between are stepped over", async () => {
  await using directory = await journalDirectory();
  const { path, places } = await filled(directory);
  await change(path, (bytes) => {
    const [from, to] = [places[1].at + 10, places[3].at + 10];
    return new Uint8Array([...bytes.subarray(0, from), 1, 2, 3, ...bytes.subarray(to)]);
  });
  await using log = await directory.open();
  assertEquals(await readAll(log), [0, 4, 5]);
  assertEquals(log.repairs.map(({ entries }) => entries), [3]);
});

Deno.test("bytes lost from within an entry cost that entry alone, in any number", async () => {
  for (const lost of [1, 40, 430]) {
    await using directory = await journalDirectory();
    {
      await using log = await directory.open();
      await log.append([itemOf(0), itemOf(1, 100), itemOf(101)], never);
    }
    const [path] = await listSegments(directory.path);
    const places: number[] = [];
    await inspectSegment(path, 0, ({ at }) => void places.push(at));
    const from = places[1] + 40;
    await change(path, (bytes) => new Uint8Array([...bytes.subarray(0, from), ...bytes.subarray(from + lost)]));
    await using log = await directory.open();
    assertEquals(await readAll(log), [0, 101]);
    assertEquals(log.repairs.map(({ at, size, entries }) => ({ at, size, entries })), [
      { at: places[1], size: places[2] - places[1] - lost, entries: 1 },
    ]);
  }
});

Deno.test("a segment that has lost its header is read, and gets a new one", async () => {
  await using directory = await journalDirectory();
  const { path } = await filled(directory);
  await change(path, (bytes) => void bytes.fill(0, 0, 16));
  await using log = await directory.open();
  assertEquals(await readAll(log), [0, 1, 2, 3, 4, 5]);
  assertEquals((await inspectSegment(path, 0)).version, 1);
});

Deno.test("a segment of a newer version is set aside, with advice", async () => {
  await using directory = await journalDirectory();
  const { path } = await filled(directory);
  await change(path, (bytes) => void bytes.set(segmentHeader(2)));
  await using log = await directory.open();
  assertStringIncludes(log.repairs[0].damage, "it is of version 2, and this program reads up to 1: use a newer one");
  assertEquals(await readAll(log), []);
  assertEquals((await names(directory.path)).map((name) => name.slice(-14)), [".segment.newer"]);
});

Deno.test("a segment without an entry is removed, and so are the remains of an interrupted repair", async () => {
  await using directory = await journalDirectory();
  const { path, places } = await filled(directory, 1);
  await Deno.truncate(path, places[0].at + 5);
  await Deno.writeTextFile(`${path}.rewrite`, "half");
  await Deno.writeTextFile(join(directory.path, "0000000000000099.segment"), "BARL");
  await using _log = await directory.open();
  assertEquals((await names(directory.path)).filter((name) => !name.endsWith(".damaged")), []);
});

Deno.test("a pointer that cannot be read means that everything is delivered once more", async () => {
  await using directory = await journalDirectory();
  await filled(directory);
  {
    await using log = await directory.open();
    (await log.read())!.entry.settle();
  }
  const pointer = join(directory.path, "pointer");
  // It is saved in two places in turn: the one before the last is not needed.
  await change(pointer, (bytes) => void bytes.fill(7, 24));
  {
    await using log = await directory.open();
    assertEquals(await readAll(log), [1, 2, 3, 4, 5]);
  }
  await change(pointer, (bytes) => void bytes.fill(7));
  await using log = await directory.open();
  assertEquals(await readAll(log), [0, 1, 2, 3, 4, 5]);
});

Deno.test("damage that comes while the journal is open is set aside when it is met, and counted", async () => {
  await using directory = await journalDirectory();
  const { path, places } = await filled(directory);
  await using log = await directory.open();
  await change(path, (bytes) => void (bytes[places[1].at + 50] ^= 1));
  assertEquals(await readAll(log), [0, 2, 3, 4, 5]);
  assertEquals([directory.lost, log.status.unreadEntries], [[1], 0]);
  assert(directory.notices.some((warn) => warn.includes("set aside as")));
});
