/**
 * The prepared cluster: a data directory made by `initdb`, shipped with the program. Unpacking it takes a tenth of the
 * time and memory of `initdb` in WebAssembly. It is without Barline's schema, which the migrations create.
 *
 * @module
 */
import { crc32c } from "../records/crc32c.ts";
import { gunzipSync } from "node:zlib";
import { join } from "@std/path";

/** Name of the file in the cluster with the version of PGlite that made it. */
export const MAKER = "PGLITE_VERSION";

/** Size of a tar header and unit of its contents, in bytes. */
const BLOCK = 512;
/** Length of PostgreSQL 18's `ControlFileData` up to its checksum, in bytes. */
const CONTROL_BYTES = 292;
/**
 * Offset of the cluster's identifier in the first page of a segment of the write-ahead log (`XLogLongPageHeaderData`).
 */
const WAL_IDENTIFIER = 24;
/** Files synced at once: the journal of the file system commits them together. */
const SYNCED_AT_ONCE = 64;

/**
 * Unpacks the prepared cluster into `directory`, accessible to its owner alone, with a new identifier, synced to disk.
 *
 * @throws {Error} If the directory exists or cannot be written.
 */
export async function unpackCluster(directory: string): Promise<void> {
  const { default: packed } = await import("./embedded_cluster.tar.gz", { with: { type: "bytes" } });
  const paths = [directory];
  Deno.mkdirSync(directory, { mode: 0o700 });
  for (const { type, name, content, target } of readTar(gunzipSync(packed))) {
    const path = join(directory, name);
    if (type === "directory") Deno.mkdirSync(path, { mode: 0o700 });
    else if (type === "file") Deno.writeFileSync(path, content, { mode: 0o600, createNew: true });
    else Deno.copyFileSync(join(directory, target), path);
    paths.push(path);
  }
  renewIdentifier(directory);
  await syncAll(paths);
}

/** An entry of an archive; a link's target is an earlier entry with the same content. */
interface TarEntry {
  readonly type: "file" | "directory" | "link";
  readonly name: string;
  readonly content: Uint8Array;
  readonly target: string;
}

/** Reads an archive in the format "ustar" (POSIX.1-1988) whose names are at most 100 bytes long. */
function* readTar(archive: Uint8Array): Generator<TarEntry> {
  const decoder = new TextDecoder();
  const types = { "0": "file", "1": "link", "5": "directory" } as const;
  for (let at = 0; archive[at] !== 0;) {
    const field = (from: number, length: number) =>
      decoder.decode(archive.subarray(at + from, at + from + length)).split("\0", 1)[0];
    const size = parseInt(field(124, 12), 8);
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    yield { type: types[field(156, 1) as keyof typeof types], name: field(0, 100), content, target: field(157, 100) };
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

/**
 * Gives the cluster a new system identifier, as `initdb` does: two clusters with one identifier would pass for the same
 * database. The identifier is in the control file, under a checksum, and in the write-ahead log.
 */
function renewIdentifier(directory: string): void {
  const identifier = crypto.getRandomValues(new BigUint64Array(1))[0];
  const controlPath = join(directory, "global", "pg_control");
  const control = Deno.readFileSync(controlPath);
  const fields = new DataView(control.buffer);
  if (fields.getUint32(CONTROL_BYTES, true) !== crc32c(control, 0, CONTROL_BYTES)) {
    throw new Error("Cannot read the prepared cluster: its control file has another layout. Prepare it again");
  }
  fields.setBigUint64(0, identifier, true);
  fields.setUint32(CONTROL_BYTES, crc32c(control, 0, CONTROL_BYTES), true);
  Deno.writeFileSync(controlPath, control);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, identifier, true);
  for (const { name, isFile } of Deno.readDirSync(join(directory, "pg_wal"))) {
    if (!isFile) continue;
    using segment = Deno.openSync(join(directory, "pg_wal", name), { write: true });
    segment.seekSync(WAL_IDENTIFIER, Deno.SeekMode.Start);
    segment.writeSync(bytes);
  }
}

/** Syncs files and directories to disk. */
async function syncAll(paths: readonly string[]): Promise<void> {
  for (let at = 0; at < paths.length; at += SYNCED_AT_ONCE) {
    await Promise.all(
      paths.slice(at, at + SYNCED_AT_ONCE).map(async (path) => {
        using file = await Deno.open(path);
        await file.sync();
      }),
    );
  }
}
