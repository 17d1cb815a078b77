/**
 * A store of coverage in memory, for feeds that run without a database.
 *
 * @module
 */
import { confirm, doubt, type SeriesCoverage, UNKNOWN } from "../../src/coverage/coverage.ts";
import type { CoverageStore, StoredStarts } from "../../src/coverage/store.ts";
import {
  type CoverageKeeper,
  createCoverageKeeper,
  type KeeperOptions,
} from "../../src/providers/live/coverage/keeper.ts";

/** A store that knows what it is given. */
export function memoryCoverage(
  known: ReadonlyMap<string, SeriesCoverage> = new Map(),
  starts?: CoverageStore["starts"],
): CoverageStore & { readonly known: ReadonlyMap<string, SeriesCoverage> } {
  const all = new Map(known);
  return {
    known: all,
    starts,
    load: () => Promise.resolve(new Map(all)),
    save(_, changes) {
      for (const { symbol, confirmed, doubts } of changes) {
        let series = all.get(symbol) ?? UNKNOWN;
        for (const range of confirmed) series = confirm(series, range);
        for (const each of doubts) series = doubt(series, each);
        all.set(symbol, series);
      }
      return Promise.resolve();
    },
  };
}

/** Coverage that is confirmed up to an end for each symbol, in epoch ms. */
export function confirmedUntil(ends: ReadonlyMap<string, number>): ReadonlyMap<string, SeriesCoverage> {
  return new Map(Array.from(ends, ([symbol, to]) => [symbol, { confirmed: [[to - DAY_MS, to]], doubts: [] }]));
}

/** Keeps the coverage of a feed in a store. */
export function keepIn(store: CoverageStore, provider: string, options: Partial<KeeperOptions> = {}): CoverageKeeper {
  return createCoverageKeeper({
    ...{ owner: { provider, timeframe: "1m" }, stepMs: 60_000, store, isConfirmed: false },
    settledUntil: () => Infinity,
    ...options,
    onFailure(error) {
      throw error;
    },
  });
}

/** The bars of a table in memory, as they are stored around and in a range. */
export function startsIn(starts: readonly number[], [from, to]: readonly [number, number]): StoredStarts {
  const sorted = starts.toSorted((a, b) => a - b);
  return {
    before: sorted.findLast((start) => start < from),
    within: sorted.filter((start) => start >= from && start < to),
    after: sorted.find((start) => start >= to),
  };
}

const DAY_MS = 24 * 60 * 60_000;
