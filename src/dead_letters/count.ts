/**
 * Counts the dead letters on disk without reading lines twice.
 *
 * @module
 */
import { listLetterFiles, readLines } from "./files.ts";
import { readReceipts, receiptsPath } from "./receipts.ts";
import { pickLetters } from "./rows.ts";

/** Creates a function that counts the letters of a directory; a file is read again only after a change. */
export function createLetterCounter(directory: string): () => Promise<number> {
  let known = new Map<string, { version: string; count: number }>();
  return async () => {
    const next: typeof known = new Map();
    for (const path of await listLetterFiles(directory)) {
      const version = `${await versionOf(path)} ${await versionOf(receiptsPath(path))}`;
      const old = known.get(path);
      next.set(path, old?.version === version ? old : { version, count: await countLetters(path) });
    }
    known = next;
    return [...next.values()].reduce((sum, { count }) => sum + count, 0);
  };
}

/** Size and time of a file, as text; empty if it does not exist. */
async function versionOf(path: string): Promise<string> {
  try {
    const { size, mtime } = await Deno.stat(path);
    return `${size} ${mtime?.getTime()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Lines without a receipt for stored records. */
async function countLetters(path: string): Promise<number> {
  const receipts = await readReceipts(path);
  let count = 0;
  for await (const { line, text } of pickLetters(readLines(path))) if (receipts.find(line, text) !== "stored") count++;
  return count;
}
