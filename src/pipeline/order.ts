/**
 * Batches in the order of their observations, where several lanes write one source's records.
 *
 * Two lanes may overtake each other. That matters where two batches hold observations of one record: the later one may
 * leave a row as it is, because it says the same, and the earlier one, written after it, would then win. So a batch waits
 * for those before it that may have a key in common with it. Sorted files have no such batches.
 *
 * @module
 */
import type { MarketRecord, RecordKind } from "../records/record.ts";
import { createSeriesMap, type SeriesMap } from "../records/series_map.ts";

/** A batch's place in the order. Disposing of it lets those go on that wait for the batch. */
export interface Turn extends Disposable {
  /** Resolves when no batch before it is in flight that may have a key in common. */
  readonly ready: Promise<unknown>;
}

/** Puts batches in order. */
export interface Order {
  /** Takes the next place for these records. */
  enter(records: readonly MarketRecord[]): Turn;
}

/** First and last value of the first key column. */
interface Range {
  from: number | string;
  to: number | string;
}

/** Makes an order of records of one kind. */
export function createOrder(kind: RecordKind<MarketRecord>): Order {
  const { value } = kind.columns.find(({ name }) => name === kind.keyColumns[0])!;
  const inFlight = new Set<{ readonly ranges: SeriesMap<Range>; readonly left: Promise<void> }>();

  function rangesOf(records: readonly MarketRecord[]): SeriesMap<Range> {
    const ranges = createSeriesMap<Range>();
    for (const record of records) {
      const key = kind.series(record);
      const at = value(record)!;
      const range = ranges.get(key);
      if (range === undefined) ranges.set(key, { from: at, to: at });
      else if (at < range.from) range.from = at;
      else if (at > range.to) range.to = at;
    }
    return ranges;
  }

  return {
    enter(records) {
      const ranges = rangesOf(records);
      const before = [...inFlight].filter((other) => overlap(ranges, other.ranges)).map(({ left }) => left);
      const { promise, resolve } = Promise.withResolvers<void>();
      const mine = { ranges, left: promise };
      inFlight.add(mine);
      return {
        ready: Promise.all(before),
        [Symbol.dispose]() {
          inFlight.delete(mine);
          resolve();
        },
      };
    },
  };
}

function overlap(one: SeriesMap<Range>, other: SeriesMap<Range>): boolean {
  for (const [key, { from, to }] of one.entries()) {
    const range = other.get(key);
    if (range !== undefined && from <= range.to && range.from <= to) return true;
  }
  return false;
}
