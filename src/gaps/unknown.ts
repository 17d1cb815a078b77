/**
 * Finds unknown ranges of a series: those that are neither confirmed nor in doubt.
 *
 * @module
 */
import type { Calendar, Range } from "../calendar/mod.ts";
import { hasHistory } from "../providers/mod.ts";
import { type Interval, subtract } from "../records/intervals.ts";
import type { Known } from "./known.ts";
import type { StoredSeries } from "./series.ts";

/** An unknown range, from and to a time at which the market is open. */
export interface Unknown extends Range {
  /** Minutes in which the market is open. */
  readonly minutes: number;
}

/** Why a range is unknown, in words. */
export const UNKNOWN_REASON = "no run has streamed or read it, or what a run knew of it is not saved yet";

/** The part of a series to check. */
export interface LookedAt extends Range {
  readonly calendar: Calendar;
  readonly stepMs: number;
}

/**
 * The unknown ranges. Bars may be stored there: each is evidence for itself, and not for the minutes beside it. Series
 * without a provider to ask, such as those of files, have no unknown ranges.
 *
 * @param known The known parts of the range, by their start.
 */
export function findUnknown({ provider }: StoredSeries, scope: LookedAt, known: readonly Known[]): Unknown[] {
  if (!hasHistory(provider)) return [];
  const { calendar, stepMs } = scope;
  const unknown: Unknown[] = [];
  for (const [from, to] of subtract([scope.from, scope.to], known.map((each): Interval => [each.from, each.to]))) {
    let [first, last] = [Infinity, -Infinity];
    for (const open of calendar.starts(from, to, stepMs)) {
      first = Math.min(first, open.from);
      last = Math.max(last, open.to);
    }
    if (first < last) unknown.push({ from: first, to: last, minutes: calendar.openMs(first, last) / 60_000 });
  }
  return unknown;
}
