import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import denoConfig from "../../deno.json" with { type: "json" };
import { openEmbedded } from "../../src/database/embedded.ts";
import { MAKER, unpackCluster } from "../../src/database/embedded_cluster.ts";
import { select } from "../support/lanes.ts";

/** Runs `fn` with a directory of its own. */
async function withDirectory(fn: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  try {
    await fn(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Reads the identifier that PostgreSQL gives a cluster, and what the cluster holds beside the catalogs. */
async function look(dataDir: string): Promise<{ identifier: string; relations: number; prepared: string }> {
  await using database = await openEmbedded(dataDir);
  const [{ identifier, relations }] = await select(
    database,
    `SELECT (SELECT system_identifier::text FROM pg_control_system()) AS identifier,
       (SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS relations`,
  ) as { identifier: string; relations: number }[];
  return { identifier, relations, prepared: await Deno.readTextFile(join(dataDir, "postgres", MAKER)) };
}

Deno.test("the first start unpacks the cluster that the same PGlite made, without a schema of Barline", async () => {
  await withDirectory(async (directory) => {
    const { relations, prepared } = await look(directory);
    assertEquals(relations, 0);
    assertEquals(
      `npm:@electric-sql/pglite@${prepared.trim()}`,
      denoConfig.imports["@electric-sql/pglite"],
      "run deno task prepare-cluster",
    );
  });
});

Deno.test("every unpacked cluster has its own system identifier, which a second start keeps", async () => {
  await withDirectory(async (directory) => {
    const [one, other] = [join(directory, "one"), join(directory, "other")];
    const { identifier } = await look(one);
    assertNotEquals((await look(other)).identifier, identifier);
    assertEquals((await look(one)).identifier, identifier);
  });
});

Deno.test("the files of an unpacked cluster are accessible to their owner alone", async () => {
  await withDirectory(async (directory) => {
    const cluster = join(directory, "cluster");
    await unpackCluster(cluster);
    let files = 0;
    async function check(path: string): Promise<void> {
      const { mode, isDirectory } = await Deno.stat(path);
      assertEquals(mode! & 0o077, 0, path);
      if (!isDirectory) return void files++;
      for await (const { name } of Deno.readDir(path)) await check(join(path, name));
    }
    await check(cluster);
    assert(files > 300, `${files} files`);
  });
});

Deno.test("a cluster is unpacked into a directory that does not exist yet", async () => {
  await withDirectory(async (directory) => {
    await assertRejects(() => unpackCluster(directory), Deno.errors.AlreadyExists);
    assertEquals(await Array.fromAsync(Deno.readDir(directory)), []);
  });
});

Deno.test("the packed cluster is at most 6 MB", async () => {
  const { size } = await Deno.stat(new URL("../../src/database/embedded_cluster.tar.gz", import.meta.url));
  assert(size <= 6e6, `${size} bytes`);
});
