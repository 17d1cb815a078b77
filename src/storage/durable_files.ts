/**
 * Files that survive a power cut.
 *
 * @module
 */
import { dirname } from "@std/path";

/**
 * Creates a missing directory and its parents, durably and for their owner alone: without a sync of the parent, a power
 * cut may remove it with all its synced content.
 */
export async function makeDirectory(directory: string): Promise<void> {
  const isThere = await Deno.stat(directory).then((found) => found.isDirectory, () => false);
  if (isThere) return;
  const parent = dirname(directory);
  if (parent !== directory) await makeDirectory(parent);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  await syncDirectory(parent).catch((error) => {
    // Creating may be allowed where listing is not.
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  });
}

/** Writes all bytes. Not through `file.writable`, which loses accepted bytes when the file is closed in another way. */
export async function writeAll(file: Pick<Deno.FsFile, "write">, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}

/** Makes created, renamed and removed names of a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  // Windows has no such sync, and refuses to open directories.
  if (Deno.build.os === "windows") return;
  using handle = await Deno.open(directory);
  await handle.sync();
}
