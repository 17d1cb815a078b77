/**
 * Outcomes of gaps after the provider's history was asked.
 *
 * @module
 */
import { type Interval, subtract } from "../records/intervals.ts";
import { describeGap, type GapOutcome } from "./outcome.ts";
import type { Gap } from "./scan.ts";

/** A part of a series that could not be read, with the reason. */
export interface Denial {
  readonly interval: Interval;
  readonly reason: string;
}

/**
 * The outcomes of the gaps found before, in order.
 *
 * @param before The gaps before history was asked.
 * @param after The gaps in the same range after that; the rest is repaired.
 */
export function reconcileGaps(before: readonly Gap[], after: readonly Gap[], denied: readonly Denial[]): GapOutcome[] {
  const outcomes: GapOutcome[] = [];
  const known: Interval[] = before.filter(({ isNoTrade }) => isNoTrade).map(({ from, to }) => [from, to]);
  const left: Interval[] = after.map(({ from, to }) => [from, to]);
  for (const gap of before) {
    if (gap.isNoTrade) continue;
    for (const [from, to] of without(gap, left)) outcomes.push({ from, to, state: "repaired" });
  }
  for (const gap of after) {
    if (!gap.isNoTrade) outcomes.push(...withDenials(gap, denied));
    else {
      const found = without(gap, known);
      for (const [from, to] of found) outcomes.push({ from, to, state: "no-trade" });
      for (const [from, to] of subtract([gap.from, gap.to], found)) {
        outcomes.push({ from, to, state: "no-trade", wasKnown: true });
      }
    }
  }
  return outcomes.sort((a, b) => a.from - b.from);
}

/** The parts of a remaining gap. */
function* withDenials(gap: Gap, denied: readonly Denial[]): Generator<GapOutcome> {
  let left: readonly Interval[] = [[gap.from, gap.to]];
  for (const { interval: [from, to], reason } of denied) {
    const own: Interval = [Math.max(from, gap.from), Math.min(to, gap.to)];
    if (own[0] >= own[1]) continue;
    yield { from: own[0], to: own[1], state: "unrepairable", reason };
    left = left.flatMap((each) => subtract(each, [own]));
  }
  for (const [from, to] of left) yield describeGap({ ...gap, from, to });
}

/** The parts of the range outside the intervals, which are in order. */
function without({ from, to }: Gap, intervals: readonly Interval[]): Interval[] {
  // The first interval that ends after the start, of perhaps tens of thousands.
  let low = 0;
  for (let high = intervals.length; low < high;) {
    const middle = (low + high) >> 1;
    if (intervals[middle][1] <= from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < intervals.length && intervals[end][0] < to) end++;
  return subtract([from, to], intervals.slice(low, end));
}
