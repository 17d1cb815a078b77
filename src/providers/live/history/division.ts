/**
 * Finds the symbols at fault for a request that is refused or answered with nonsense, by asking for half of them at a
 * time.
 *
 * @module
 */
import { isDivisible, isRefusal } from "../feed.ts";

/** Decides whether to divide a failed group, and its parts. */
export interface Division {
  /** A part was answered, so dividing helps. */
  answered(): void;
  /** Whether to request the symbols of a failed request in halves. */
  divides(error: unknown, symbols: number): boolean;
}

/**
 * Creates a division of a group of `size` symbols. One symbol at fault is found after as many failures in a row as the
 * group can be halved; if more parts than that return nonsense, history itself is at fault, and the parts stay whole. A
 * refusal names its symbols itself, one after the other.
 */
export function createDivision(size: number): Division {
  const most = Math.ceil(Math.log2(Math.max(2, size))) + 1;
  let failures = 0;
  return {
    answered: () => void (failures = 0),
    divides(error, symbols) {
      if (symbols === 1 || !isDivisible(error)) return false;
      return isRefusal(error) || ++failures <= most;
    },
  };
}
