/**
 * Why records became dead letters, counted while they are written.
 *
 * @module
 */
import { type DeadLetter, withoutParticulars } from "./letter.ts";
import type { DeadLetters } from "./write.ts";

/** A reason, how often it was given, and the first letter that it was given for. */
export interface CountedReason {
  readonly reason: string;
  readonly count: number;
  readonly example: DeadLetter;
}

/** Counts of reasons. */
export interface Reasons {
  /** Counts the letters that these write. */
  count(deadLetters: DeadLetters): DeadLetters;
  /** The commonest first. */
  commonest(most: number): CountedReason[];
  /** Records that Barline or the sink has refused for a fault of their own. */
  readonly refused: number;
}

/** Reasons that are kept apart: they may differ without end. */
const MAX_REASONS = 1000;
const OTHERS = "(others)";

/** Makes counts, all at 0. */
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
