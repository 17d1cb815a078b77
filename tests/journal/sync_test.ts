import { assert, assertEquals } from "@std/assert";
import { listSegments } from "../../src/journal/format.ts";
import { itemOf, journalDirectory, readAll } from "../support/journal.ts";

const never = () => false;

/** Lets the next `count` syncs fail, and calls `before` ahead of each; disposing of it ends that. */
function failSyncs(count: number, before: () => Promise<void> = () => Promise.resolve()) {
  const { prototype } = Deno.FsFile;
  const { syncData } = prototype;
  const failures = { left: count, syncs: 0, [Symbol.dispose]: () => void (prototype.syncData = syncData) };
  prototype.syncData = async function () {
    failures.syncs++;
    if (failures.left === 0) return await syncData.call(this);
    failures.left--;
    await before();
    throw new Error("Input/output error (os error 5)");
  };
  return failures;
}

Deno.test("bytes of a failed append that a power cut brings back do not hide later entries", async () => {
  await using directory = await journalDirectory();
  const log = await directory.open();
  await log.append([itemOf(0)], never);
  const [path] = await listSegments(directory.path);
  let torn = new Uint8Array();
  {
    // The sync of the append, and that of the cut that follows it.
    using failures = failSyncs(2, async () => {
      if (torn.length === 0) torn = await Deno.readFile(path);
    });
    assert("refused" in await log.append([itemOf(1)], never));
    assertEquals(failures.left, 0);
  }
  assert(!("refused" in await log.append([itemOf(2)], never)));
  await log[Symbol.asyncDispose]();
  await Deno.writeFile(path, torn);
  await using next = await directory.open();
  assertEquals(await readAll(next), [0, 1, 2]);
});

Deno.test("the cut after a failed append is synced before anything is appended again", async () => {
  await using directory = await journalDirectory();
  await using log = await directory.open();
  await log.append([itemOf(0)], never);
  using failures = failSyncs(1);
  assert("refused" in await log.append([itemOf(1)], never));
  assertEquals(failures.syncs, 2);
  assert(!("refused" in await log.append([itemOf(2)], never)));
  assertEquals(await readAll(log), [0, 2]);
});

Deno.test("numbers that a failed cut leaves out are not missed at the next start", async () => {
  await using directory = await journalDirectory();
  {
    await using log = await directory.open();
    await log.append([itemOf(0)], never);
    {
      using _failures = failSyncs(2);
      await log.append([itemOf(1)], never);
    }
    await log.append([itemOf(2)], never);
  }
  await using log = await directory.open();
  assertEquals([log.cut, log.missing], [0, []]);
  assertEquals(await readAll(log), [0, 2]);
});
