/**
 * Checks room for the journal: its own limit, and the free space of the disk.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { format as formatBytes } from "@std/fmt/bytes";

/** The journal cannot grow: it has reached its limit, or the disk is full. */
export class JournalFullError extends Error {
  override name = "JournalFullError";
}

/** How long a reading of the free space is valid, in milliseconds. */
const LOOK_EVERY_MS = 1000;
/** Largest free space to leave on the disk, for dead letters and a database there. */
const MOST_RESERVE = 64 * 1024 * 1024;
const RESERVE_PART = 0.05;

/**
 * Creates a check of whether `more` bytes may be added to `held` ones.
 *
 * @returns A function that throws a {@linkcode JournalFullError} if they may not.
 */
export function createRoomCheck(
  directory: string,
  maxBytes: number,
): (held: number, more: number) => Promise<void> {
  let lookedAt = -Infinity;
  let free = Infinity;
  return async (held, more) => {
    // A single entry above the limit is allowed, as it could never be stored otherwise.
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

/** Free bytes; any number if the system does not report them. */
async function readFree(directory: string): Promise<number> {
  try {
    const { bavail, blocks, bsize } = await statfs(directory);
    return bavail * bsize - Math.min(MOST_RESERVE, blocks * bsize * RESERVE_PART);
  } catch {
    return Infinity;
  }
}

/** Whether an error of a write means a lack of space: ENOSPC, EDQUOT or EFBIG. */
export function isOutOfSpace(error: unknown): boolean {
  return isError(error, { ENOSPC: 28, EDQUOT: 122 }) || isFileTooLarge(error);
}

/**
 * Whether an error of a write means that the file may not grow further (EFBIG), by a limit of the process or the
 * system.
 */
export function isFileTooLarge(error: unknown): boolean {
  return isError(error, { EFBIG: 27 });
}

/** Whether an error is one of these, by its name or by its number on Linux. */
function isError(error: unknown, numbers: Readonly<Record<string, number>>): boolean {
  const { code, message } = (error ?? {}) as { code?: string; message?: string };
  const number = Number(/os error (\d+)\)/.exec(message ?? "")?.[1]);
  return code !== undefined && code in numbers || Object.values(numbers).includes(number);
}
