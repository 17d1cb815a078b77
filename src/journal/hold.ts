/**
 * One process at a time in a journal.
 *
 * @module
 */
import { join } from "@std/path";
import { writeAll } from "../durable_files.ts";

const NAME = "lock";

/** Another process has the journal. */
export class HeldError extends Error {
  override name = "HeldError";
}

/**
 * Holds the journal of a directory, which is made where it is missing, for this process; disposing of it lets go, as does
 * the end of the process in any way.
 *
 * @throws {HeldError} If another process holds it, which is named.
 * @throws {Error} If the directory cannot be written to.
 */
export async function holdJournal(directory: string): Promise<Disposable> {
  const file = await openLock(directory);
  try {
    if (await file.tryLock(true)) {
      await file.truncate();
      await writeAll(file, new TextEncoder().encode(`${Deno.pid}\n`));
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
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    return await Deno.open(join(directory, NAME), { create: true, read: true, write: true, mode: 0o600 });
  } catch (error) {
    throw new Error(
      `Cannot write to the journal in "${directory}": ${(error as Error).message}. ` +
        "Give the right to write there, or go without one with --journal off",
      { cause: error },
    );
  }
}
