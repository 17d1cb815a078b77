/**
 * Finds the symbols to blame for a request that is refused or answered with nonsense, by asking for half of them at a
 * time.
 *
 * @module
 */
import { isDivisible, isRefusal } from "../feed.ts";

/** Says whether to divide a group that failed, and its parts. */
export interface Division {
  /** A part was answered: dividing gets somewhere. */
  answered(): void;
  /** Whether the symbols of a failed request are to be asked for in halves. */
  divides(error: unknown, symbols: number): boolean;
}

/**
 * Makes a division of a group of `size` symbols. One symbol to blame is found by as many failures in a row as the group can be
 * halved: where more parts than that get nonsense, history itself is to blame, and the parts stay whole. A refusal names its
 * symbols by itself, one after the other.
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
