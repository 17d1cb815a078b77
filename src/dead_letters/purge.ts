/**
 * Removes dead letters for good.
 *
 * @module
 */
import { type HeldLetters, readLetters } from "./directory.ts";
import type { LetterFilter } from "./filter.ts";

/** The number of matching letters, up to `limit`. */
export async function countMatching(directory: string, matches: LetterFilter, limit = Infinity): Promise<number> {
  let count = 0;
  for await (const located of readLetters(directory)) {
    if (count >= limit) break;
    if (matches(located)) count++;
  }
  return count;
}

/** Removes the first `limit` matching letters, oldest first, and returns their number. */
export async function purgeLetters(held: HeldLetters, matches: LetterFilter, limit = Infinity): Promise<number> {
  let count = 0;
  await held.rewrite((located) => {
    if (count >= limit || !matches(located)) return located.text;
    count++;
    return undefined;
  });
  return count;
}
