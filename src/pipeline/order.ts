/**
 * Orders batches by their observations if several lanes write one source's records.
 *
 * Two lanes may overtake each other. That matters if two batches have observations of one record: the later one may
 * leave a row unchanged, because the values are equal, and the earlier one, written after it, would then win. So a
 * batch waits for earlier batches that may have a key in common with it. Sorted files have no such batches.
 *
 * @module
 */
import { type Rows, TS } from "../records/columns.ts";
import { createSeriesDictionary, type SeriesDictionary } from "../records/series_dictionary.ts";

/** A batch's place in the order. Disposing of it releases the batches that wait for it. */
export interface Turn extends Disposable {
  /** Resolves when no earlier batch is in flight that may have a key in common. */
  readonly ready: Promise<unknown>;
}

/** Puts batches in order. */
export interface Order {
  /** Takes the next place for these rows. */
  enter(rows: Rows): Turn;
}

/** First and last time of the records of each series, by the order's own codes. */
type Ranges = ReadonlyMap<number, { from: number; to: number }>;

/** Creates an order of records, whose keys begin with their time. */
export function createOrder(): Order {
  const inFlight = new Set<{ readonly ranges: Ranges; readonly left: Promise<void> }>();
  /** All series: sources may have several dictionaries, one after another. */
  const all = createSeriesDictionary();
  const codes = new WeakMap<SeriesDictionary, number[]>();

  /** The order's own codes of a dictionary's series, by code. */
  function ownCodes(series: SeriesDictionary): number[] {
    let own = codes.get(series);
    if (own === undefined) codes.set(series, own = []);
    for (let code = own.length; code < series.keys.length; code++) {
      const { provider, symbol, timeframe } = series.keys[code];
      own.push(all.codeOf(provider, symbol, timeframe));
    }
    return own;
  }

  function rangesOf({ slices }: Rows): Ranges {
    const ranges = new Map<number, { from: number; to: number }>();
    for (const { columns: { series, cells, stride }, from, count } of slices) {
      const own = ownCodes(series);
      for (let at = from; at < from + count; at++) {
        const code = own[cells[at]];
        const ts = cells[TS * stride + at];
        const range = ranges.get(code);
        if (range === undefined) ranges.set(code, { from: ts, to: ts });
        else if (ts < range.from) range.from = ts;
        else if (ts > range.to) range.to = ts;
      }
    }
    return ranges;
  }

  return {
    enter(rows) {
      const ranges = rangesOf(rows);
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

function overlap(one: Ranges, other: Ranges): boolean {
  for (const [code, { from, to }] of one) {
    const range = other.get(code);
    if (range !== undefined && from <= range.to && range.from <= to) return true;
  }
  return false;
}
