/**
 * A table of bars and their coverage in memory, with the order rules of the upsert: what a run of processes leaves behind.
 *
 * @module
 */
import { type Doubt, type SeriesCoverage, UNKNOWN } from "../../src/coverage/coverage.ts";
import { applyChange, type CoverageStore, type SeriesOwner, type StoredStarts } from "../../src/coverage/store.ts";
import type { Bar } from "../../src/records/bar.ts";
import type { Frame } from "../../src/records/frame.ts";
import type { Interval } from "../../src/records/intervals.ts";
import { recordsOf } from "./frames.ts";

/** See the module's description. */
export interface MemoryTable {
  /** Commits the records of a frame. */
  commit(frame: Frame): void;
  row(provider: string, symbol: string, ts: number): Bar | undefined;
  rows(provider: string, symbol: string): readonly Bar[];
  coverage(provider: string, symbol: string): SeriesCoverage;
  /** The newest bar of each symbol. */
  newest(provider: string): ReadonlyMap<string, Bar>;
  /** A process's way to the coverage; what it saves after `isGone` is lost. Each call waits for `reach` first. */
  store(isGone: () => boolean, reach?: () => Promise<void>): CoverageStore;
  /** What was saved, in calls. */
  readonly saves: number;
}

/** Makes an empty table. */
export function createMemoryTable(): MemoryTable {
  const series = new Map<string, Map<number, Bar>>();
  const known = new Map<string, SeriesCoverage>();
  const keyOf = (provider: string, symbol: string) => `${provider} ${symbol}`;
  let saves = 0;

  function commit(frame: Frame): void {
    for (const record of recordsOf(frame)) {
      const key = keyOf(record.provider, record.symbol);
      let rows = series.get(key);
      if (rows === undefined) series.set(key, rows = new Map());
      const old = rows.get(record.ts);
      if (old === undefined || wins(record, old)) rows.set(record.ts, record);
    }
  }

  const rowsOf = (provider: string, symbol: string) =>
    [...series.get(keyOf(provider, symbol))?.values() ?? []].sort((a, b) => a.ts - b.ts);

  function startsOf(provider: string, symbol: string, [from, to]: Interval): StoredStarts {
    const stored = rowsOf(provider, symbol);
    const within = stored.filter(({ ts }) => ts >= from && ts < to);
    const starts = stored.filter(({ status }) => status !== "provisional").map(({ ts }) => ts);
    return {
      before: starts.findLast((ts) => ts < from),
      within: starts.filter((ts) => ts >= from && ts < to),
      after: starts.find((ts) => ts >= to),
      ...within.length === 0 ? {} : { receivedAt: Math.max(...within.map(({ receivedAt }) => receivedAt)) },
      corrected: within.filter(({ status, receivedAt }) =>
        status === "correction" && receivedAt / 1000 > Date.now() - 2 * 60 * 60_000
      ).map(({ ts }) => ts),
    };
  }

  return {
    commit,
    row: (provider, symbol, ts) => series.get(keyOf(provider, symbol))?.get(ts),
    rows: rowsOf,
    coverage: (provider, symbol) => known.get(keyOf(provider, symbol)) ?? UNKNOWN,
    newest(provider) {
      const newest = new Map<string, Bar>();
      for (const [key, rows] of series) {
        const [of, symbol] = key.split(" ");
        if (of === provider) newest.set(symbol, rows.get(Math.max(...rows.keys()))!);
      }
      return newest;
    },
    store: (isGone, reach = () => Promise.resolve()) => ({
      async load({ provider }: SeriesOwner) {
        await reach();
        const own = known.entries().filter(([key]) => key.startsWith(`${provider} `));
        return new Map(own.map(([key, coverage]) => [key.slice(provider.length + 1), coverage]));
      },
      async save({ provider }, changes) {
        await reach();
        if (isGone()) return;
        saves++;
        for (const change of changes) {
          const key = keyOf(provider, change.symbol);
          known.set(key, applyChange(known.get(key) ?? UNKNOWN, change));
        }
      },
      async starts({ provider }, ranges) {
        await reach();
        return new Map([...ranges].map(([symbol, range]) => [symbol, startsOf(provider, symbol, range)]));
      },
    }),
    get saves() {
      return saves;
    },
  };
}

/** The doubt that names a minute. */
export function doubtAt({ doubts }: SeriesCoverage, ts: number): Doubt | undefined {
  return doubts.find(({ from, to }) => from <= ts && ts < to);
}

/** Whether a minute is confirmed. */
export function isConfirmed({ confirmed }: SeriesCoverage, ts: number): boolean {
  return confirmed.some(([from, to]) => from <= ts && ts < to);
}

/** Whether the upsert lets a bar replace the stored one: revisions win over others, and of two alike the later one. */
function wins(bar: Bar, old: Bar): boolean {
  const [isRevision, wasRevision] = [bar, old].map(({ status, fromHistory }) =>
    status === "correction" || fromHistory === 1
  );
  return isRevision === wasRevision ? bar.receivedAt >= old.receivedAt : isRevision;
}
