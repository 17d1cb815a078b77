/**
 * The known word that the user may have meant.
 *
 * @module
 */
import { closestString } from "@std/text/closest-string";

/** The known word that is near enough to be meant; `undefined` if none is. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const begun = word.length > 1 ? known.find((each) => each.startsWith(word)) : undefined;
  if (begun !== undefined) return begun;
  const nearest = closestString(word, known as string[]);
  const most = Math.ceil(Math.max(word.length, nearest.length) / 3);
  return distance(word.toLowerCase(), nearest.toLowerCase()) <= most ? nearest : undefined;
}

/** Number of letters to add, remove or change. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let line = 1; line <= one.length; line++) {
    const next = [line];
    for (let at = 1; at <= other.length; at++) {
      const change = row[at - 1] + (one[line - 1] === other[at - 1] ? 0 : 1);
      next.push(Math.min(change, row[at] + 1, next[at - 1] + 1));
    }
    row = next;
  }
  return row[other.length];
}
