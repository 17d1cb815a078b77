/**
 * Files that exist whole or not at all: written beside their names, synced and renamed.
 *
 * @module
 */
import { dirname } from "@std/path";
import { syncDirectory, writeAll } from "./durable_files.ts";

/** A file being written. It does not exist before it is committed, and then it is whole. */
export interface PendingFile {
  write(bytes: Uint8Array): Promise<void>;
  commit(): Promise<void>;
  /** Removes the unfinished file. */
  discard(): Promise<void>;
}

/** Begins a file; it replaces an existing one once it is committed. */
export async function beginFile(path: string): Promise<PendingFile> {
  const unfinished = `${path}.part`;
  const file = await Deno.open(unfinished, { create: true, write: true, truncate: true });
  return {
    write: (bytes) => writeAll(file, bytes),
    async commit() {
      await file.sync();
      file.close();
      await Deno.rename(unfinished, path);
      await syncDirectory(dirname(path));
    },
    async discard() {
      try {
        file.close();
      } catch {
        // It is closed once it is synced.
      }
      await Deno.remove(unfinished).catch(() => {});
    },
  };
}
