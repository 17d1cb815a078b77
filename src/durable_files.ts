/**
 * What it takes for written files to be there after a power cut.
 *
 * @module
 */

/**
 * Writes all bytes. Not through `file.writable`: what that has taken and said to be written is gone when the file is
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
