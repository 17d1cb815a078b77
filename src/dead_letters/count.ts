/**
 * How many dead letters lie there, without reading what has been read before.
 *
 * @module
 */
import { listLetterFiles, readLines } from "./directory.ts";

/** Makes a function that counts the letters of a directory; a file is read again only when it has changed. */
export function createLetterCounter(directory: string): () => Promise<number> {
  let known = new Map<string, { size: number; mtime: number; count: number }>();
  return async () => {
    const next: typeof known = new Map();
    for (const path of await listLetterFiles(directory)) {
      const { size, mtime } = await Deno.stat(path);
      const old = known.get(path);
      if (old !== undefined && old.size === size && old.mtime === mtime?.getTime()) {
        next.set(path, old);
        continue;
      }
      let count = 0;
      for await (const _ of readLines(path)) count++;
      next.set(path, { size, mtime: mtime?.getTime() ?? 0, count });
    }
    known = next;
    return [...next.values()].reduce((sum, { count }) => sum + count, 0);
  };
}
