import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type Database, withClient } from "../../src/database/database.ts";
import { openEmbedded } from "../../src/database/embedded.ts";
import { classifyDatabaseError } from "../../src/database/faults.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { makeDirectory } from "../support/providers.ts";
import { testWhere } from "../support/skip.ts";

const missing = Deno.build.os === "linux" && Deno.uid() === 0 ? undefined : "only root may mount a file system";

async function run(...command: string[]): Promise<boolean> {
  const [program, ...args] = command;
  return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
}

/** Adds rows of a page each until that fails, and gives how many were committed and the error. */
async function fillTable(database: Database, signal: AbortSignal): Promise<{ committed: number; error: unknown }> {
  for (let committed = 0;; committed += 100) {
    try {
      await withClient(
        database,
        (client) =>
          client.query("INSERT INTO ballast SELECT repeat(md5(i::text), 200) FROM generate_series(1, 100) AS i"),
        signal,
      );
    } catch (error) {
      return { committed, error };
    }
  }
}

const countRows = (database: Database) =>
  withClient(database, async (client) => {
    const { rows } = await client.query("SELECT count(*)::int AS rows FROM ballast");
    return rows[0].rows as number;
  });

testWhere(missing, "an embedded database goes on after its disk was full, and ends in time while it is", async () => {
  await using directory = await makeDirectory();
  assert(await run("mount", "-t", "tmpfs", "-o", "size=120m", "none", directory.path));
  try {
    const ballast = join(directory.path, "file");
    const never = new AbortController().signal;
    {
      await using database = await openEmbedded(directory.path);
      await prepareDatabase(database);
      await withClient(database, (client) => client.query("CREATE TABLE ballast (text text STORAGE PLAIN)"));
      assert(!await run("dd", "if=/dev/zero", `of=${ballast}`, "bs=64k"), "the disk did not fill");
      const { committed, error } = await fillTable(database, never);
      assertEquals(classifyDatabaseError(error), "transient", String(error));
      const again = await assertRejects(() => fillTable(database, never).then(({ error }) => Promise.reject(error)));
      assertEquals(classifyDatabaseError(again), "transient", String(again));
      await Deno.remove(ballast);
      assertEquals(await countRows(database), committed, "a committed row is gone");
      await withClient(database, (client) => client.query("INSERT INTO ballast VALUES ('more')"));

      await run("dd", "if=/dev/zero", `of=${ballast}`, "bs=64k");
      await fillTable(database, never);
      const started = performance.now();
      await database[Symbol.asyncDispose]();
      assert(performance.now() - started < 15_000, "the end hangs");
    }
    await Deno.remove(ballast);
    await using database = await openEmbedded(directory.path);
    assert(await countRows(database) > 0);
  } finally {
    await run("umount", "--lazy", directory.path);
  }
});

testWhere(missing, "a snapshot for readers leaves room to the writer, or is refused and leaves nothing", async () => {
  await using directory = await makeDirectory();
  assert(await run("mount", "-t", "tmpfs", "-o", "size=160m", "none", directory.path));
  try {
    const ballast = join(directory.path, "file");
    const copy = join(directory.path, "postgres.readers");
    const never = new AbortController().signal;
    await using database = await openEmbedded(directory.path);
    await prepareDatabase(database);
    await withClient(database, (client) => client.query("CREATE TABLE ballast (text text STORAGE PLAIN)"));
    await database.snapshots!.take(() => {}, never);
    assert((await Deno.stat(copy)).isDirectory);
    await database.snapshots!.forget();

    assert(await run("dd", "if=/dev/zero", `of=${ballast}`, "bs=1M", "count=100"));
    await assertRejects(() => database.snapshots!.take(() => {}, never), Error, "no room for a snapshot");
    await assertRejects(() => Deno.stat(copy), Deno.errors.NotFound);
    await withClient(database, (client) => client.query("INSERT INTO ballast VALUES ('written')"));
    assertEquals(await countRows(database), 1);

    await Deno.remove(ballast);
    await database.snapshots!.take(() => {}, never);
    assert((await Deno.stat(copy)).isDirectory);
  } finally {
    await run("umount", directory.path);
  }
});
