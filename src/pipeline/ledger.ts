/**
 * The ledger: every accepted record must be accounted for.
 *
 * @module
 */
import { type Listener, on } from "../events.ts";

/** Counts of records. The ledger balances when `received` equals the sum of the others. */
export interface Ledger {
  readonly received: number;
  /** Written to the sink, new or changed. */
  readonly stored: number;
  /** Number of new records among the stored; `null` if the sink cannot distinguish them. */
  readonly inserted: number | null;
  /** Number of stored records that replaced other values; `null` if the sink cannot distinguish them. */
  readonly updated: number | null;
  /** Already in the sink with the same values, or with a newer observation. */
  readonly unchanged: number;
  /** Repeated in the same batch under the same key, and superseded there. */
  readonly deduplicated: number;
  readonly deadLettered: number;
  /**
   * Waiting in the journal on disk, or returned to their stream. Records of an earlier process in the journal count as
   * received at the start.
   */
  readonly journaled: number;
  /** Given up in the journal: by `--journal-full drop-oldest`, or lost by the disk. Absent without any. */
  readonly dropped?: number;
  /**
   * Accepted by the sink without an error, but not stored, since a trigger of the database discarded them. Absent
   * without any.
   */
  readonly swallowed?: number;
  /**
   * Accepted and not yet settled. Counted independently, by the settlement of frames, not as a difference of the
   * others.
   */
  readonly inFlight: number;
}

/** A ledger that listens to events, and counts settlements. */
export interface LedgerKeeper {
  readonly listen: Listener;
  /** Reports that records were settled: committed, dead-lettered, or left in the journal. */
  settled(count: number): void;
  /** The present counts. */
  read(): Ledger;
}

const EMPTY: Ledger = {
  received: 0,
  stored: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  deduplicated: 0,
  deadLettered: 0,
  journaled: 0,
  inFlight: 0,
};

/**
 * Opens a ledger, empty or continuing `before`. Records that `before` left in the journal are counted already: their
 * recovery does not count them as received again.
 */
export function createLedger(before: Ledger = EMPTY): LedgerKeeper {
  let { dropped = 0, swallowed = 0, updated } = before;
  const { received, stored, unchanged, deduplicated, deadLettered, journaled, inFlight } = before;
  const counts = { received, stored, unchanged, deduplicated, deadLettered, journaled, inFlight };
  /** Records that `before` has left in the journal, and that are not recovered yet. */
  let left = journaled;
  return {
    listen: on({
      "accepted"({ count }) {
        counts.received += count;
        counts.inFlight += count;
      },
      "batch-written"({ result }) {
        counts.stored += result.stored;
        updated = result.updated === null || updated === null ? null : updated + (result.updated ?? 0);
        counts.unchanged += result.unchanged;
        counts.deduplicated += result.deduplicated;
        swallowed += result.swallowed ?? 0;
      },
      "dead-lettered"({ count }) {
        counts.deadLettered += count;
      },
      "journaled"({ count }) {
        counts.journaled += count;
      },
      "recovered"({ count }) {
        const known = Math.min(left, count);
        left -= known;
        counts.received += count - known;
        counts.journaled += count - known;
      },
      "replayed"({ count }) {
        counts.journaled -= count;
        counts.inFlight += count;
      },
      "journal-dropped"({ count }) {
        counts.journaled -= count;
        dropped += count;
      },
    }),
    settled(count) {
      counts.inFlight -= count;
    },
    read: () => ({
      ...counts,
      inserted: updated === null ? null : counts.stored - updated,
      updated,
      ...(dropped > 0 && { dropped }),
      ...(swallowed > 0 && { swallowed }),
    }),
  };
}

/** How many received records the ledger cannot account for; 0 when it balances. */
export function imbalance(ledger: Ledger): number {
  const { received, stored, unchanged, deduplicated, deadLettered, journaled, dropped = 0, inFlight, swallowed = 0 } =
    ledger;
  return received - stored - unchanged - deduplicated - deadLettered - journaled - dropped - swallowed - inFlight;
}
