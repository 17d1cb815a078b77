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

/** First and last time of the records of each series, whose code is the order's own, in arrays side by side. */
interface Ranges {
  readonly codes: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/** Creates an order of records, whose keys begin with their time. */
export function createOrder(): Order {
  const inFlight = new Set<{ readonly ranges: Ranges; readonly left: Promise<void> }>();
  /** All series: sources may have several dictionaries, one after another. */
  const all = createSeriesDictionary();
  const codes = new WeakMap<SeriesDictionary, number[]>();
  /** The ranges of the batch that enters, by code, and the codes that it has. Maps would cost 0.4 µs a series and batch. */
  const entering: { from: number[]; to: number[]; codes: number[] } = { from: [], to: [], codes: [] };

  /** The order's own codes of a dictionary's series, by code. */
  function ownCodes(series: SeriesDictionary): number[] {
    let own = codes.get(series);
    if (own === undefined) codes.set(series, own = []);
    for (let code = own.length; code < series.keys.length; code++) {
      const { provider, symbol, timeframe } = series.keys[code];
      own.push(all.codeOf(provider, symbol, timeframe));
    }
    for (let code = entering.from.length; code < all.keys.length; code++) {
      entering.from.push(Infinity);
      entering.to.push(-Infinity);
    }
    return own;
  }

  function begin({ slices }: Rows): void {
    const { from: froms, to: tos } = entering;
    for (const { columns: { series, cells, stride }, from, count } of slices) {
      const own = ownCodes(series);
      for (let at = from; at < from + count; at++) {
        const code = own[cells[at]];
        const ts = cells[TS * stride + at];
        if (froms[code] === Infinity) entering.codes.push(code);
        if (ts < froms[code]) froms[code] = ts;
        if (ts > tos[code]) tos[code] = ts;
      }
    }
  }

  /** Whether the batch that enters may have a key in common with another. */
  function overlaps({ codes, from, to }: Ranges): boolean {
    for (let at = 0; at < codes.length; at++) {
      const code = codes[at];
      if (entering.from[code] <= to[at] && from[at] <= entering.to[code]) return true;
    }
    return false;
  }

  /** Gives the ranges of the batch that enters, and makes room for the next. */
  function end(): Ranges {
    const codes = new Int32Array(entering.codes);
    const from = new Float64Array(codes.length);
    const to = new Float64Array(codes.length);
    for (let at = 0; at < codes.length; at++) {
      const code = codes[at];
      from[at] = entering.from[code];
      to[at] = entering.to[code];
      entering.from[code] = Infinity;
      entering.to[code] = -Infinity;
    }
    entering.codes.length = 0;
    return { codes, from, to };
  }

  return {
    enter(rows) {
      begin(rows);
      const before = [...inFlight].filter(({ ranges }) => overlaps(ranges)).map(({ left }) => left);
      const { promise, resolve } = Promise.withResolvers<void>();
      const mine = { ranges: end(), left: promise };
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
