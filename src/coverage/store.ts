/**
 * Where coverage is kept between runs: in the database beside the bars, in NATS, or in a file.
 *
 * @module
 */
import type { Interval } from "../records/intervals.ts";
import { confirm, type Doubt, doubt, type SeriesCoverage } from "./coverage.ts";

/** The owner of series: a provider at a timeframe. The store adds the tenant. */
export interface SeriesOwner {
  /** Name of the provider as in the rows. */
  readonly provider: string;
  readonly timeframe: string;
}

/** Changes of a series since its last save. */
export interface CoverageChange {
  readonly symbol: string;
  /** Ranges confirmed since. A stored doubt loses the part that lies in one. */
  readonly confirmed: readonly Interval[];
  /** Doubts opened or changed since. A stored confirmed range loses the part that lies in one. */
  readonly doubts: readonly Doubt[];
}

/** Stored bars of a series, around and in a range. Starts of bars, in epoch ms. */
export interface StoredStarts {
  /** The newest bar before the range; `undefined` without one. */
  readonly before?: number;
  /** The bars in the range, in order, without provisional ones. */
  readonly within: readonly number[];
  /** The oldest bar after the range. */
  readonly after?: number;
  /** Bars in the range whose row is a correction of the last two hours, in order. @default {none} */
  readonly corrected?: readonly number[];
  /** The latest receive time of the bars in the range, in epoch microseconds; absent without bars. */
  readonly receivedAt?: number;
}

/** Changes that other writers have made. */
export interface CoverageNews {
  /** Coverage of each symbol that others have changed; of every symbol if the store was replaced. */
  readonly changed: ReadonlyMap<string, SeriesCoverage>;
  /** Why the store is not the one of before, in words: it may lack saved coverage. Absent while it is the same. */
  readonly replaced?: string;
}

/** Coverage that outlasts the process. Changes are merged: several writers may confirm and doubt the same series. */
export interface CoverageStore {
  /**
   * Coverage of each symbol that has any.
   *
   * @throws {Error} If the store cannot be reached, so that a fault never reads as "no coverage".
   */
  load(owner: SeriesOwner, signal?: AbortSignal): Promise<ReadonlyMap<string, SeriesCoverage>>;
  /**
   * Changes that others have made since the last load or call, deletions of bars included. Absent if this process is
   * the only writer.
   */
  news?(owner: SeriesOwner, signal?: AbortSignal): Promise<CoverageNews>;
  /** Saves changes: confirmed ranges first, then doubts. A kill in the middle leaves less confirmed, never more. */
  save(owner: SeriesOwner, changes: readonly CoverageChange[], signal?: AbortSignal): Promise<void>;
  /** The stored bars of some symbols, each around and in its range. Absent where bars cannot be read back. */
  starts?(
    owner: SeriesOwner,
    ranges: ReadonlyMap<string, Interval>,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, StoredStarts>>;
}

/** Applies a change to coverage. */
export function applyChange(coverage: SeriesCoverage, { confirmed, doubts }: CoverageChange): SeriesCoverage {
  return doubts.reduce(doubt, confirmed.reduce(confirm, coverage));
}
