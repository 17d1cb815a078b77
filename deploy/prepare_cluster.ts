/**
 * Makes the prepared cluster of the embedded database anew, after a change of PGlite's version:
 *
 *     deno task prepare-cluster
 *
 * @module
 */
import { PGlite } from "@electric-sql/pglite";
import { join } from "@std/path";
import { gzipSync } from "node:zlib";
import denoConfig from "../deno.json" with { type: "json" };
import { MAKER } from "../src/database/embedded_cluster.ts";

const OUTPUT = new URL("../src/database/embedded_cluster.tar.gz", import.meta.url);

/** Size of a segment of the write-ahead log: of the usual 16 MB, most would be zeros that every first start unpacks. */
const SEGMENT_BYTES = 2 ** 20;
/** Where the control file of PostgreSQL 18 has the position of the last checkpoint, in bytes. */
const CHECKPOINT = 32;

/** Makes a hard link of every file whose content an earlier file has: the databases of a new cluster are copies. */
async function linkCopies(directory: string, seen = new Map<string, string>()): Promise<void> {
  const entries = (await Array.fromAsync(Deno.readDir(directory))).sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    const path = join(directory, name);
    if (isDirectory) {
      await linkCopies(path, seen);
      continue;
    }
    const content = await Deno.readFile(path);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
    const first = seen.get(digest);
    if (first === undefined) seen.set(digest, path);
    else {
      await Deno.remove(path);
      await Deno.link(first, path);
    }
  }
}

/** Removes segments of the write-ahead log but the one with the last checkpoint, from which a start goes on. */
async function removeSpentSegments(directory: string): Promise<void> {
  const control = await Deno.readFile(join(directory, "global", "pg_control"));
  const checkpoint = new DataView(control.buffer).getBigUint64(CHECKPOINT, true);
  const number = (checkpoint / BigInt(SEGMENT_BYTES)).toString(16).toUpperCase();
  const kept = `00000001${number.padStart(16, "0")}`;
  const wal = join(directory, "pg_wal");
  await Deno.stat(join(wal, kept));
  for await (const { name, isFile } of Deno.readDir(wal)) {
    if (isFile && name !== kept) await Deno.remove(join(wal, name));
  }
}

const cluster = await Deno.makeTempDir({ prefix: "barline-cluster-" });
try {
  const options = {
    dataDir: `file://${cluster}`,
    initDbStartParams: [`--wal-segsize=${SEGMENT_BYTES / 2 ** 20}`],
  };
  const made = await PGlite.create(options);
  // Nothing here creates databases: without the templates, a start unpacks a third.
  for (const template of ["template0", "template1"]) {
    await made.exec(`ALTER DATABASE ${template} IS_TEMPLATE false`);
    await made.exec(`DROP DATABASE ${template}`);
  }
  await made.close();
  await removeSpentSegments(cluster);
  await linkCopies(cluster);
  // After the links: it is a file of its own.
  await Deno.writeTextFile(join(cluster, MAKER), `${denoConfig.imports["@electric-sql/pglite"].split("@").at(-1)}\n`);
  const names = (await Array.fromAsync(Deno.readDir(cluster), ({ name }) => name)).sort();
  const { success, stdout, stderr } = await new Deno.Command("tar", {
    args: [
      ...["-c", "--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"],
      ...["-C", cluster, ...names],
    ],
  }).output();
  if (!success) throw new Error(`Cannot pack the cluster: ${new TextDecoder().decode(stderr).trim()}`);
  const packed = gzipSync(stdout, { level: 9 });
  await Deno.writeFile(OUTPUT, packed);
  console.log(`${OUTPUT.pathname}: ${packed.length} bytes`);
} finally {
  await Deno.remove(cluster, { recursive: true });
}
