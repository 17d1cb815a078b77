/**
 * Writes dead letters: appended and synced before the caller continues.
 *
 * @module
 */
import { format as formatBytes } from "@std/fmt/bytes";
import type { Listener } from "../events.ts";
import type { DeadLetter } from "./letter.ts";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";
import { withLock } from "./directory.ts";
import { listLetterFiles, newLetterFile, repairTail } from "./files.ts";
import { formatLetters } from "./rows.ts";

/** Accepts dead letters. */
export interface DeadLetters {
  /**
   * Writes letters; resolves when all of them are safe.
   *
   * @throws {Error} If they could not be kept.
   */
  write(letters: readonly DeadLetter[]): Promise<void>;
}

/** Options of {@linkcode openDeadLetters}. */
export interface DeadLetterOptions {
  directory: string;
  /** Size at which a new file begins, in bytes. @default {67108864} */
  maxFileBytes?: number;
  emit?: Listener;
  /** Called with a warning about an unfinished line that was cut. */
  warn?: (message: string) => void;
}

/** Opens the dead letters of a directory. Nothing is created before the first letter. */
export function openDeadLetters(options: DeadLetterOptions): DeadLetters {
  const { directory, maxFileBytes = 64 * 1024 * 1024, emit, warn } = options;
  let last: Promise<void> = Promise.resolve();

  async function append(letters: readonly DeadLetter[]): Promise<void> {
    const now = Date.now();
    const bytes = new TextEncoder().encode(formatLetters(letters, now));
    await withLock(directory, async () => {
      const { path, size } = await currentFile(now);
      using file = await Deno.open(path, { create: true, write: true, append: true, mode: 0o600 });
      try {
        await writeAll(file, bytes);
        await file.syncData();
      } catch (error) {
        await file.truncate(size);
        throw error;
      }
      if (size === 0) await syncDirectory(directory);
    });
  }

  /** The newest file while it has room, repaired; otherwise a new one. */
  async function currentFile(now: number): Promise<{ path: string; size: number }> {
    const path = (await listLetterFiles(directory)).at(-1);
    if (path !== undefined) {
      const cut = await repairTail(path);
      if (cut > 0) warn?.(`Cut an unfinished dead letter of ${formatBytes(cut)} at the end of "${path}"`);
      const { size } = await Deno.stat(path);
      if (size < maxFileBytes) return { path, size };
    }
    return { path: newLetterFile(directory, now, path), size: 0 };
  }

  return {
    async write(letters) {
      if (letters.length === 0) return;
      const turn = last.then(() => append(letters));
      last = turn.catch(() => {});
      try {
        await turn;
      } catch (error) {
        throw new Error(
          `Cannot write ${letters.length} dead letters to "${directory}": make room or give the right to write there`,
          { cause: error },
        );
      }
      for (const { kind, cause, reason } of letters) emit?.({ type: "dead-lettered", kind, cause, count: 1, reason });
    },
  };
}
