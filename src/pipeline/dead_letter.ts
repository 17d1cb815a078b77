/**
 * Dead-letters records of the pipeline: letters are kept first, then records settle.
 *
 * @module
 */
import type { DeadLetter } from "../dead_letters/letter.ts";
import type { DeadLetters } from "../dead_letters/write.ts";
import { exhaustedBy, retry } from "./retry.ts";

/**
 * Keeps letters. Returns whether that succeeded. Records whose letters could not be kept stay unsettled: the ledger
 * counts them as in flight, and a provider that can read them again does so.
 */
export type DeadLetterRecords = (letters: readonly DeadLetter[]) => Promise<boolean>;

/**
 * Creates a {@linkcode DeadLetterRecords}. `fail` is called with the reason if letters could not be kept, after a few
 * attempts within a second or two.
 */
export function createDeadLetter(deadLetters: DeadLetters, fail: (error: unknown) => void): DeadLetterRecords {
  return async (letters) => {
    try {
      await retry(() => deadLetters.write(letters), {
        attempts: 4,
        minMs: 100,
        isRetriable: () => true,
        // A stop does not cut it short: then keeping the letters matters most.
        signal: new AbortController().signal,
      });
      return true;
    } catch (error) {
      fail(exhaustedBy(error)?.cause ?? error);
      return false;
    }
  };
}
