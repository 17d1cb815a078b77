/**
 * A directory as the place of an export: files are written beside their names, synced and renamed.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { makeDirectory, syncDirectory, writeAll } from "../storage/durable_files.ts";
import type { ExportPlace } from "./place.ts";

/** Bytes gathered before a write. */
const PIECE_BYTES = 1 << 20;

/** Opens a directory, which is created with its first file. */
export function openDirectoryPlace(directory: string): ExportPlace {
  return {
    label: directory,
    async create(path) {
      const whole = join(directory, path);
      const unfinished = `${whole}.part`;
      await makeDirectory(dirname(whole));
      const file = await Deno.open(unfinished, { create: true, write: true, truncate: true });
      let held: Uint8Array[] = [];
      let bytes = 0;
      async function flush(): Promise<void> {
        const pieces = held;
        [held, bytes] = [[], 0];
        for (const piece of pieces) await writeAll(file, piece);
      }
      return {
        async write(piece) {
          held.push(piece);
          bytes += piece.length;
          if (bytes >= PIECE_BYTES) await flush();
        },
        async commit() {
          await flush();
          await file.sync();
          file.close();
          await Deno.rename(unfinished, whole);
          await syncDirectory(dirname(whole));
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
    },
    async open(path) {
      try {
        return (await Deno.open(join(directory, path))).readable;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    async findAny() {
      try {
        for await (const { name } of Deno.readDir(directory)) return name;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
  };
}
