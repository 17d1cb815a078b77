/**
 * Room for the journal: its own limit, and what the disk has free.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { format as formatBytes } from "@std/fmt/bytes";

/** The journal cannot grow: it has reached its limit, or the disk is full. */
export class JournalFullError extends Error {
  override name = "JournalFullError";
}

/** How long a look at the disk is believed, in milliseconds. */
const LOOK_EVERY_MS = 1000;
/** Most that is left free for others on the disk: dead letters, and the database where it lies there too. */
const MOST_RESERVE = 64 * 1024 * 1024;
const RESERVE_PART = 0.05;

/**
 * Makes a check of whether `more` bytes may be added to `held` ones.
 *
 * @returns A function that throws a {@linkcode JournalFullError} where they may not.
 */
export function createRoomCheck(
  directory: string,
  maxBytes: number,
): (held: number, more: number) => Promise<void> {
  let lookedAt = -Infinity;
  let free = Infinity;
  return async (held, more) => {
    // What is larger than the limit by itself is let through alone: it could never be stored otherwise.
    if (held > 0 && held + more > maxBytes) {
      throw new JournalFullError(`the journal has reached its limit of ${formatBytes(maxBytes, { binary: true })}`);
    }
    if (Date.now() - lookedAt >= LOOK_EVERY_MS || free < more) {
      lookedAt = Date.now();
      free = await readFree(directory);
    }
    if (free < more) throw new JournalFullError("the disk of the journal is nearly full");
    free -= more;
  };
}

/** Bytes that may still be used; any number where the system does not tell. */
async function readFree(directory: string): Promise<number> {
  try {
    const { bavail, blocks, bsize } = await statfs(directory);
    return bavail * bsize - Math.min(MOST_RESERVE, blocks * bsize * RESERVE_PART);
  } catch {
    return Infinity;
  }
}

/** Whether an error of a write means that there is no room: ENOSPC, EDQUOT or EFBIG. */
export function isOutOfSpace(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return ["ENOSPC", "EDQUOT", "EFBIG"].includes(code ?? "") || /os error (27|28|122)\)/.test(message ?? "");
}
