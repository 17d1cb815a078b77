/**
 * Where coverage is kept between runs: in the database beside the bars, in NATS, or in a file.
 *
 * @module
 */
import type { Interval } from "../records/intervals.ts";
import { confirm, type Doubt, doubt, type SeriesCoverage } from "./coverage.ts";

/** Whose series: all symbols of a provider at a timeframe. The tenant is the store's. */
export interface SeriesOwner {
  /** Name of the provider as in the rows. */
  readonly provider: string;
  readonly timeframe: string;
}

/** What has changed of a series since it was saved last. */
export interface CoverageChange {
  readonly symbol: string;
  /** Ranges that are confirmed since; doubts that are stored lose what of them lies in one. */
  readonly confirmed: readonly Interval[];
  /** Doubts that were opened or changed since; what is stored as confirmed loses what of it lies in one. */
  readonly doubts: readonly Doubt[];
}

/** Bars that are stored of a series, around and in a range. Starts of bars, in epoch ms. */
export interface StoredStarts {
  /** The newest bar before the range; `undefined` where there is none. */
  readonly before?: number;
  /** The bars in the range, in order; provisional bars are left out. */
  readonly within: readonly number[];
  /** The oldest bar after the range. */
  readonly after?: number;
  /** Bars in the range whose row is a correction of the last two hours, in order. @default {none} */
  readonly corrected?: readonly number[];
  /** The latest receive time of the bars in the range, in epoch microseconds; absent where there are none. */
  readonly receivedAt?: number;
}

/** What others have changed. */
export interface CoverageNews {
  /** What is known of each symbol that others have changed; of all where the store was replaced. */
  readonly changed: ReadonlyMap<string, SeriesCoverage>;
  /** Why the store is another one than before, in words: it may lack what was saved. Absent where it is the same. */
  readonly replaced?: string;
}

/** Coverage that outlasts the process. Changes are merged: several writers may confirm and doubt the same series. */
export interface CoverageStore {
  /**
   * What is known of each symbol; absent where nothing is.
   *
   * @throws {Error} If the store cannot be reached: nobody may take that for "nothing is known".
   */
  load(owner: SeriesOwner, signal?: AbortSignal): Promise<ReadonlyMap<string, SeriesCoverage>>;
  /**
   * What others have changed since it was loaded or asked last; deletions of bars change it, too. Absent where nobody else
   * writes.
   */
  news?(owner: SeriesOwner, signal?: AbortSignal): Promise<CoverageNews>;
  /** Saves changes: first what is confirmed, then what is in doubt. A kill in the middle leaves less confirmed, never more. */
  save(owner: SeriesOwner, changes: readonly CoverageChange[], signal?: AbortSignal): Promise<void>;
  /** The stored bars of some symbols, each around and in its range. Absent where bars cannot be read back. */
  starts?(
    owner: SeriesOwner,
    ranges: ReadonlyMap<string, Interval>,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, StoredStarts>>;
}

/** The coverage with the change made. */
export function applyChange(coverage: SeriesCoverage, { confirmed, doubts }: CoverageChange): SeriesCoverage {
  return doubts.reduce(doubt, confirmed.reduce(confirm, coverage));
}
