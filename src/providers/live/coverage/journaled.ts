/**
 * Waits for what becomes of live bars that are in the journal alone: they confirm nothing until it is drained.
 *
 * @module
 */
import type { ProviderContext } from "../../provider.ts";
import type { FeedCoverage } from "../coverage.ts";

/** Follows the journal for a feed's coverage. */
export interface JournalWatch {
  /** Bars are in the journal: waits for them, where that is not done yet. */
  follow(): void;
  /** Takes over what has left the journal by now. */
  finish(): Promise<void>;
}

/** Longest wait at the end, in milliseconds: a journal that is drained says so at once. */
const FINISH_MS = 300;

/** Watches until the signal aborts. */
export function watchJournal(
  coverage: FeedCoverage,
  drained: ProviderContext["drained"] = () => Promise.resolve(false),
  signal: AbortSignal,
): JournalWatch {
  let isFollowing = false;

  const inJournal = () => new Map(Array.from(coverage.journaled(), (track) => [track, track.journaled]));

  /** Waits for what is in the journal, as long as there is any. */
  async function followAll(): Promise<void> {
    isFollowing = true;
    // Between the last look and the end nothing else runs: ranges that come after it are followed by the next watch.
    for (let ranges = inJournal(); ranges.size > 0; ranges = inJournal()) {
      coverage.drained(ranges, await drained(signal));
    }
    isFollowing = false;
  }

  return {
    follow() {
      if (isFollowing) return;
      followAll().catch((error) => {
        isFollowing = false;
        if (!signal.aborted) throw error;
      });
    },
    async finish() {
      const ranges = inJournal();
      if (ranges.size === 0) return;
      const until = AbortSignal.timeout(FINISH_MS);
      try {
        coverage.drained(ranges, await drained(until));
      } catch (error) {
        if (!until.aborted) throw error;
      }
    },
  };
}
