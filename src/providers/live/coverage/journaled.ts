/**
 * Follows live bars that are in the journal alone: they confirm nothing until it is drained.
 *
 * @module
 */
import type { ProviderContext } from "../../provider.ts";
import type { FeedCoverage } from "../coverage.ts";

/** Follows the journal for a feed's coverage. */
export interface JournalWatch {
  /** Bars are in the journal: starts to wait for them, unless it waits already. */
  follow(): void;
  /** Takes over the bars that have left the journal. */
  finish(): Promise<void>;
}

/** Longest wait at the end, in milliseconds: a drained journal answers at once. */
const FINISH_MS = 300;

/** Watches until the signal aborts. */
export function watchJournal(
  coverage: FeedCoverage,
  drained: ProviderContext["drained"] = () => Promise.resolve(false),
  signal: AbortSignal,
): JournalWatch {
  let isFollowing = false;

  const inJournal = () => new Map(Array.from(coverage.journaled(), (track) => [track, track.journaled]));

  /** Waits for the journal to drain, as long as bars are in it. */
  async function followAll(): Promise<void> {
    isFollowing = true;
    // Nothing runs between the last look and the end, so the next watch follows later ranges.
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
