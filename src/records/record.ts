/**
 * The fields that all records share, of any kind; see `kind.ts`.
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
   * {@linkcode createReceiveClock}), so that of two observations of one key it is always known which is newer.
   */
  readonly receivedAt: number;
}

/** The provider that records of files have. */
export const LOADED = "replay";

/** The names of a series: a run of records of one symbol from one provider at one timeframe. */
export interface SeriesKey {
  readonly provider: string;
  readonly symbol: string;
  readonly timeframe: string;
}

/** Knowledge that a parser needs besides the fields themselves. */
export interface ParseContext {
  readonly provider: string;
  /** Timeframe of records that name none. */
  readonly timeframe: string;
  /** Turns the text or number of a time into epoch milliseconds, or `NaN`. */
  readonly parseTime: (value: unknown) => number;
  /** The format that {@linkcode ParseContext.parseTime} expects, for the error message. */
  readonly timeFormat: string;
}

/**
 * Which records revise others. Of two observations of one key a revision wins over a plain record, whenever each was
 * received; of two revisions, as of two plain records, the one received last wins.
 */
export interface Revisions {
  /** Column of type `char` that marks them. */
  readonly column: string;
  /** Values of the column that mark a revision. */
  readonly codes: readonly string[];
  /** Values that mean the same to a reader as another: from one to the other alone, no row changes. */
  readonly sameAs: Readonly<Record<string, string>>;
}

/** How far the clocks of those who deliver records may be apart, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 5 * 60_000;

/** The latest receive time that is believed now, in microseconds, by one's own clock. */
export function latestReceiveTime(clock: ReceiveClock): number {
  // Asked for no time, the clock says which would be next.
  return clock(0) + MAX_CLOCK_SKEW_MS * 1000;
}

/**
 * Whether a receive time that comes from elsewhere (a message, a dead letter, the journal) may be one. A row whose receive
 * time lies ahead of the clock could not be corrected until then.
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
 * Makes a {@linkcode ReceiveClock} of a wall clock in epoch milliseconds, which begins at `from` at the earliest, in
 * microseconds. One is shared by all providers of a process.
 */
export function createReceiveClock(now: () => number = Date.now, from = 0): ReceiveClock {
  let next = from;
  return (count) => {
    const first = Math.max(now() * 1000, next);
    next = first + count;
    return first;
  };
}
