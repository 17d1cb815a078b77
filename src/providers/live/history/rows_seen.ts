/**
 * Finds rows missing from an answer of history, at vendors whose history has a row for each step, also without trades.
 *
 * @module
 */
import { type Interval, subtract, unite } from "../../../records/intervals.ts";

/** Rows missing from the newest answers. Times are epoch ms. */
export interface RowsSeen {
  /** Begins an answer about a range; call the result with the start of each row, in order. */
  begin(symbol: string, from: number, to: number): (start: number) => void;
  /** Ranges between rows that have none. */
  lacks(symbol: string): readonly Interval[];
}

/** Starts without an answer. */
export function createRowsSeen(stepMs: number): RowsSeen {
  const all = new Map<string, readonly Interval[]>();
  return {
    begin(symbol, from, to) {
      const before = (all.get(symbol) ?? []).flatMap((each) => subtract(each, [[from, to]]));
      all.set(symbol, before);
      let end = Infinity;
      return (start) => {
        if (start > end) all.set(symbol, unite(all.get(symbol)!, [end, start]));
        end = start + stepMs;
      };
    },
    lacks: (symbol) => all.get(symbol) ?? [],
  };
}
