/**
 * Sets of time intervals, such as the ranges of a series that have been read.
 *
 * @module
 */

/** From `from` to before `to`, in epoch ms. */
export type Interval = readonly [from: number, to: number];

/** The set with another interval. A set is in order; its intervals neither touch nor overlap. */
export function unite(set: readonly Interval[], [from, to]: Interval): Interval[] {
  if (from >= to) return [...set];
  const united: Interval[] = [];
  let start = from;
  let end = to;
  for (const each of set) {
    if (each[1] < from || each[0] > to) united.push(each);
    else {
      start = Math.min(start, each[0]);
      end = Math.max(end, each[1]);
    }
  }
  return [...united, [start, end] as Interval].sort((a, b) => a[0] - b[0]);
}

/** The parts of the interval outside the set. */
export function subtract([from, to]: Interval, set: readonly Interval[]): Interval[] {
  const left: Interval[] = [];
  let start = from;
  for (const [first, last] of set) {
    if (last <= start) continue;
    if (first >= to) break;
    if (first > start) left.push([start, first]);
    start = last;
  }
  if (start < to) left.push([start, to]);
  return left;
}

/** The parts of the interval inside the set. */
export function intersect(interval: Interval, set: readonly Interval[]): Interval[] {
  return subtract(interval, subtract(interval, set));
}

/** Length of all intervals together, in milliseconds. */
export const totalMs = (intervals: readonly Interval[]): number =>
  intervals.reduce((sum, [from, to]) => sum + Math.max(0, to - from), 0);
