/**
 * Waits until the present entries of a journal have left it, and reports whether the sink has all of them.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { JournalLog } from "../journal/log.ts";
import { type FinalOutcome, type Frame, frameSize, worstOf } from "../records/frame.ts";

/** Follows the entries of a journal's log. */
export interface Drain {
  /** Reports that an entry has left the log, or was given up, without a commit of all its records. */
  lost(): void;
  /**
   * Resolves when all present entries have left the log: with whether the sink has all of their records.
   *
   * @throws The signal's reason.
   */
  drained(signal: AbortSignal): Promise<boolean>;
}

/** How often to check whether the log is drained, in milliseconds. */
const LOOK_MS = 100;

/** Follows a log. */
export function followDrain(log: Pick<JournalLog, "status">): Drain {
  let losses = 0;
  return {
    lost: () => void losses++,
    async drained(signal) {
      const before = losses;
      // By number, not by time: after a clock is set back, entries would look newer.
      const { newest } = log.status;
      while (log.status.frontier <= newest) await delay(LOOK_MS, { signal });
      return losses === before;
    },
  };
}

/** Collects the outcomes of `parts` into which frames were joined, and acknowledges the frames with the worst. */
export function gatherOutcomes(parts: number, frames: readonly Frame[]): (outcome: FinalOutcome) => void {
  const heard: FinalOutcome[] = [];
  return (outcome) => {
    heard.push(outcome);
    if (heard.length < parts) return;
    const worst = worstOf(heard);
    for (const frame of frames) frame.ack(worst, frameSize(frame));
  };
}
