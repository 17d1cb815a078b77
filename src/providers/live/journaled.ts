/**
 * Waits for what becomes of live bars that are in the journal alone: they confirm nothing until it is drained.
 *
 * @module
 */
import type { ProviderContext } from "../provider.ts";
import type { FeedCoverage } from "./coverage.ts";

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

  /** Waits for all that is in the journal now, and tells whether there was any. */
  async function settle(until: AbortSignal): Promise<boolean> {
    const ranges = new Map(Array.from(coverage.journaled(), (track) => [track, track.journaled]));
    if (ranges.size > 0) coverage.drained(ranges, await drained(until));
    return ranges.size > 0;
  }

  return {
    follow() {
      if (isFollowing) return;
      isFollowing = true;
      (async () => {
        while (await settle(signal));
      })().catch((error) => {
        if (!signal.aborted) throw error;
      }).finally(() => isFollowing = false);
    },
    async finish() {
      const until = AbortSignal.timeout(FINISH_MS);
      await settle(until).catch((error) => {
        if (!until.aborted) throw error;
      });
    },
  };
}
