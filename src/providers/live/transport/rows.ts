/**
 * Reads rows of history, and finds malformed ones.
 *
 * @module
 */
import { type FeedBar, FeedError } from "../feed.ts";

/** Reads rows, and remembers malformed ones. */
export interface RowReader {
  /** The bars of a page. */
  read(symbol: string, rows: readonly unknown[]): FeedBar[];
  /**
   * Call after the last page: good rows are used, but the range is not complete, and is requested again.
   *
   * @throws {FeedError} If any row was malformed.
   */
  finish(): void;
}

/** Makes a reader. `parse` returns the bar of a row, `undefined` for a time without trades, or the problem as text. */
export function createRowReader(parse: (row: unknown, symbol: string) => FeedBar | undefined | string): RowReader {
  const bad = new Map<string, { count: number; reason: string }>();
  return {
    read(symbol, rows) {
      const bars: FeedBar[] = [];
      for (const row of rows) {
        const bar = parse(row, symbol);
        if (typeof bar === "string") {
          const of = bad.get(symbol) ?? { count: 0, reason: bar };
          of.count++;
          bad.set(symbol, of);
        } else if (bar !== undefined) bars.push(bar);
      }
      return bars;
    },
    finish() {
      if (bad.size === 0) return;
      const counts = Array.from(bad, ([symbol, { count, reason }]) => `${count} bars of ${symbol}: ${reason}`);
      throw new FeedError(`history has bad rows, ${counts.slice(0, 5).join("; ")}`, { reason: "history" });
    },
  };
}
