/**
 * Cuts a backfill into tasks that can be done side by side.
 *
 * @module
 */
import type { Interval } from "../../records/intervals.ts";

/** A slice of time of a group of symbols. */
export interface Task {
  readonly symbols: readonly string[];
  readonly range: Interval;
}

/** Bars that a task may find in all its symbols together; it covers no less than a day. */
const BARS_A_TASK = 50_000;
const DAY_MS = 24 * 60 * 60_000;

/**
 * Cuts what is missing of each symbol into tasks, one after another as they are asked for. Symbols of which the same is
 * missing go together, `groupSize` at most: one request serves them.
 */
export function* cutIntoTasks(
  missing: ReadonlyMap<string, readonly Interval[]>,
  groupSize: number,
  stepMs: number,
): Generator<Task, undefined> {
  const alike = Map.groupBy(missing, ([, ranges]) => JSON.stringify(ranges));
  for (const each of alike.values()) {
    const ranges = each[0][1];
    for (let at = 0; at < each.length; at += groupSize) {
      const symbols = each.slice(at, at + groupSize).map(([symbol]) => symbol);
      const sliceMs = Math.max(DAY_MS, Math.floor(BARS_A_TASK / symbols.length) * stepMs);
      for (const [from, to] of ranges) {
        for (let start = from; start < to; start += sliceMs) {
          yield { symbols, range: [start, Math.min(start + sliceMs, to)] };
        }
      }
    }
  }
}
