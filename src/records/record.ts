/**
 * The fields that records of all kinds share; see `kind.ts`.
 *
 * @module
 */

/** A record of any kind. */
export interface MarketRecord {
  /** Name of the provider that delivered it, as in the registry of providers. */
  readonly provider: string;
  /** Symbol in the provider's own spelling. */
  readonly symbol: string;
  /** The record's own time, in milliseconds since 1970-01-01 UTC (fractions are kept to the microsecond). */
  readonly ts: number;
  /**
   * When it was received, in **microseconds** since 1970-01-01 UTC. Unique and increasing within a process (see
   * {@linkcode createReceiveClock}), so that one of two observations of a key is always newer.
   */
  readonly receivedAt: number;
}

/** The provider of records from files. */
export const LOADED = "replay";

/** The names of a series: records of one symbol from one provider at one timeframe. */
export interface SeriesKey {
  readonly provider: string;
  readonly symbol: string;
  readonly timeframe: string;
}

/** Context of a parser. */
export interface ParseContext {
  readonly provider: string;
  /** Timeframe of records that name none. */
  readonly timeframe: string;
  /** Converts the text or number of a time to epoch milliseconds, or `NaN`. */
  readonly parseTime: (value: unknown) => number;
  /** The format that {@linkcode ParseContext.parseTime} expects, for the error message. */
  readonly timeFormat: string;
}

/**
 * Records that revise others. For one key a revision wins over a plain record, regardless of their times of receipt;
 * among two revisions, or two plain records, the one received last wins.
 */
export interface Revisions {
  /** Column of type `char` that marks them. */
  readonly column: string;
  /** Values of the column that mark a revision. */
  readonly codes: readonly string[];
  /** Values equivalent to others for a reader: a change between the two alone does not change the row. */
  readonly sameAs: Readonly<Record<string, string>>;
}

/** Largest difference between the clocks of instances, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 5 * 60_000;

/** The latest plausible receive time now, in microseconds, by one's own clock. */
export function latestReceiveTime(clock: ReceiveClock): number {
  // For zero times, the clock returns the next one.
  return clock(0) + MAX_CLOCK_SKEW_MS * 1000;
}

/**
 * Whether a receive time from elsewhere (a message, a dead letter, the journal) is plausible. A row whose receive time
 * lies ahead of the clock could not be corrected until then.
 */
export function isReceiveTime(receivedAt: number, latest: number): boolean {
  return Number.isInteger(receivedAt) && receivedAt >= 0 && receivedAt <= latest;
}

/**
 * Gives `count` receive times at once: the first of `count` consecutive microseconds, later than any given before.
 *
 * The clock follows the wall clock and runs ahead of it only while more than a million records a second arrive, or
 * while the wall clock has been set back.
 */
export type ReceiveClock = (count: number) => number;

/**
 * Creates a {@linkcode ReceiveClock} from a wall clock in epoch milliseconds; its first time is at least `from`, in
 * microseconds. All providers of a process share one.
 */
export function createReceiveClock(now: () => number = Date.now, from = 0): ReceiveClock {
  let next = from;
  return (count) => {
    const first = Math.max(now() * 1000, next);
    next = first + count;
    return first;
  };
}
