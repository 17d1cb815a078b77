/**
 * Counts the reasons of dead letters while they are written.
 *
 * @module
 */
import { type DeadLetter, withoutParticulars } from "./letter.ts";
import type { DeadLetters } from "./write.ts";

/** A reason, its count, and its first letter. */
export interface CountedReason {
  readonly reason: string;
  readonly count: number;
  readonly example: DeadLetter;
}

/** Counts of reasons. */
export interface Reasons {
  /** Counts the letters written through the result. */
  count(deadLetters: DeadLetters): DeadLetters;
  /** The most frequent reasons first. */
  commonest(most: number): CountedReason[];
  /** Records refused by Barline or the sink for a fault of their own. */
  readonly refused: number;
}

/** Most separate reasons, as their number has no bound. */
const MAX_REASONS = 1000;
const OTHERS = "(others)";

/** Creates counts, all 0. */
export function createReasons(): Reasons {
  const counts = new Map<string, { count: number; example: DeadLetter }>();
  let refused = 0;

  function add(letter: DeadLetter): void {
    if (letter.cause === "invalid" || letter.cause === "refused") refused++;
    const reason = withoutParticulars(letter.reason);
    const name = counts.has(reason) || counts.size < MAX_REASONS ? reason : OTHERS;
    const counted = counts.get(name);
    if (counted === undefined) counts.set(name, { count: 1, example: letter });
    else counted.count++;
  }

  return {
    count: (deadLetters) => ({
      async write(letters) {
        await deadLetters.write(letters);
        letters.forEach(add);
      },
    }),
    commonest: (most) =>
      Array.from(counts, ([reason, counted]) => ({ reason, ...counted }))
        .sort((a, b) => b.count - a.count)
        .slice(0, most),
    get refused() {
      return refused;
    },
  };
}
