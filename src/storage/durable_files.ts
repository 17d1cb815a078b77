/**
 * Files that survive a power cut.
 *
 * @module
 */
import { dirname } from "@std/path";

/**
 * Makes a directory that is missing, and those above it, for their owner alone and for good: without a sync of the one
 * above, a power cut may take it away with all that was synced in it.
 */
export async function makeDirectory(directory: string): Promise<void> {
  const isThere = await Deno.stat(directory).then((found) => found.isDirectory, () => false);
  if (isThere) return;
  const parent = dirname(directory);
  if (parent !== directory) await makeDirectory(parent);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  await syncDirectory(parent).catch((error) => {
    // One may be allowed to make a directory where one is not allowed to look.
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  });
}

/**
 * Writes all bytes. Not through `file.writable`: bytes that it has accepted are gone when the file is
 * closed in any other way than through it.
 */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}

/** Makes created, renamed and removed names of a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  // Windows has no such notion and refuses to open directories.
  if (Deno.build.os === "windows") return;
  using handle = await Deno.open(directory);
  await handle.sync();
}
