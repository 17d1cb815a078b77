/**
 * Doubts the records that a stream lost, unread, when it was deleted and created again.
 *
 * @module
 */
import { intersect, type Interval } from "../records/intervals.ts";
import { endOf, type SeriesCoverage } from "./coverage.ts";
import type { CoverageChange } from "./store.ts";

/** How much of the end of each series is in doubt then, in milliseconds: readers are seldom further behind. */
const UNREAD_MS = 24 * 60 * 60_000;

/** Moves the end of each series' confirmed ranges into doubt. */
export function doubtUnread(known: ReadonlyMap<string, SeriesCoverage>, now: number): CoverageChange[] {
  return Array.from(known, ([symbol, coverage]) => {
    const end = endOf(coverage);
    const unread: Interval = [end - UNREAD_MS, end];
    const doubts = intersect(unread, coverage.confirmed).map(([from, to]) => (
      { from, to, reason: "restored" as const, foundAt: now, dueAt: now, attempts: 0 }
    ));
    return { symbol, confirmed: [], doubts };
  });
}

/** The stream name that a file keeps; `undefined` without a file. */
export async function readStreamName(path: string): Promise<string | undefined> {
  return await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
}
