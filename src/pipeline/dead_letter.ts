/**
 * Dead-lettering as the pipeline does it: kept first, then settled.
 *
 * @module
 */
import type { DeadLetter } from "../dead_letters/letter.ts";
import type { DeadLetters } from "../dead_letters/write.ts";
import { exhaustedBy, retry } from "./retry.ts";

/**
 * Keeps letters. Returns whether it could. Records whose letters could not be kept stay unsettled: they count as in
 * flight in the ledger, and a provider that can read them again does so.
 */
export type DeadLetterRecords = (letters: readonly DeadLetter[]) => Promise<boolean>;

/** Makes a {@linkcode Bury}. `fail` hears why letters could not be kept, after a few attempts within a second or two. */
export function createDeadLetter(deadLetters: DeadLetters, fail: (error: unknown) => void): DeadLetterRecords {
  return async (letters) => {
    try {
      await retry(() => deadLetters.write(letters), {
        attempts: 4,
        minMs: 100,
        isRetriable: () => true,
        // Not cut short by a stop: then above all the letters must be kept.
        signal: new AbortController().signal,
      });
      return true;
    } catch (error) {
      fail(exhaustedBy(error)?.cause ?? error);
      return false;
    }
  };
}
