import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { firstNumber, listSegments } from "../../src/journal/format.ts";
import { inspectSegment } from "../../src/journal/inspect.ts";
import { itemOf, type JournalDirectory, journalDirectory, readAll } from "../support/journal.ts";

const never = () => false;

/** A journal of four segments with three entries each, of which the first is settled. */
async function filled(directory: JournalDirectory): Promise<string[]> {
  await using log = await directory.open({ segmentBytes: 1000 });
  for (let minute = 0; minute < 12; minute++) await log.append([itemOf(minute)], never);
  (await log.read())!.entry.settle();
  const paths = await listSegments(directory.path);
  assertEquals(paths.map(firstNumber), [1, 4, 7, 10]);
  return paths;
}

Deno.test("a missing segment is reported once, with the numbers of its entries, and the others are delivered", async () => {
  await using directory = await journalDirectory();
  const paths = await filled(directory);
  await Deno.remove(paths[1]);
  {
    await using log = await directory.open();
    assertEquals(log.missing, [{ from: 4, to: 6 }]);
    assertEquals(await readAll(log), [1, 2, 6, 7, 8, 9, 10, 11]);
  }
  await using log = await directory.open();
  assertEquals(log.missing, []);
});

Deno.test("the first segment counts as missing if the pointer shows that it was not settled", async () => {
  await using directory = await journalDirectory();
  const paths = await filled(directory);
  await Deno.remove(paths[0]);
  await using log = await directory.open();
  assertEquals(log.missing, [{ from: 2, to: 3 }]);
});

Deno.test("entries lost at the end of a segment are counted once", async () => {
  await using directory = await journalDirectory();
  const paths = await filled(directory);
  const places: number[] = [];
  await inspectSegment(paths[1], 0, ({ at }) => void places.push(at));
  await Deno.truncate(paths[1], places[1] + 10);
  await using log = await directory.open();
  assertEquals(log.missing, [{ from: 5, to: 6 }]);
  assertEquals(log.repairs.map(({ entries, done }) => ({ entries, done })), [{ entries: 0, done: "cut" }]);
});

Deno.test("entries given up to make room are not missing, also after a crash", async () => {
  await using directory = await journalDirectory();
  await filled(directory);
  await using log = await directory.open();
  await log.dropOldest();
  await using copy = await journalDirectory();
  for await (const { name } of Deno.readDir(directory.path)) {
    await Deno.copyFile(join(directory.path, name), join(copy.path, name));
  }
  await using next = await copy.open();
  assertEquals([next.missing, await readAll(next)], [[], [3, 4, 5, 6, 7, 8, 9, 10, 11]]);
});
