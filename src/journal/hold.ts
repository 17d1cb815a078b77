/**
 * Locks a journal for one process at a time.
 *
 * @module
 */
import { join } from "@std/path";
import { makeDirectory, writeAll } from "../storage/durable_files.ts";

const NAME = "lock";

/** Another process has locked the journal. */
export class HeldError extends Error {
  override name = "HeldError";
}

/**
 * Locks the journal of a directory for this process, and creates a missing one; disposing of the lock releases it, as
 * does any end of the process.
 *
 * @throws {HeldError} If another process has the lock; the message names it.
 *
 * @throws {Error} If the directory cannot be written to.
 */
export async function holdJournal(directory: string): Promise<Disposable> {
  const file = await openLock(directory);
  try {
    if (await file.tryLock(true)) {
      await writePid(file).catch(() => {});
      return file;
    }
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  const pid = (await Deno.readTextFile(join(directory, NAME)).catch(() => "")).trim();
  throw new HeldError(
    `Cannot use the journal in "${directory}": process ${pid || "(unknown)"} has it. ` +
      "Stop that one, or choose another directory with --data-dir",
  );
}

async function openLock(directory: string): Promise<Deno.FsFile> {
  try {
    await makeDirectory(directory);
    return await Deno.open(join(directory, NAME), { create: true, read: true, write: true, mode: 0o600 });
  } catch (error) {
    throw createWriteError(directory, error);
  }
}

/** Written for other processes; a full disk must not keep this one from starting. */
async function writePid(file: Deno.FsFile): Promise<void> {
  await file.truncate();
  await writeAll(file, new TextEncoder().encode(`${Deno.pid}\n`));
}

/** Creates the error for a journal that cannot be opened. */
export function createWriteError(directory: string, cause: unknown): Error {
  return new Error(
    `Cannot write to the journal in "${directory}": ${(cause as Error).message}. ` +
      "Make room and give the right to write there, or go without one with --journal off",
    { cause },
  );
}
