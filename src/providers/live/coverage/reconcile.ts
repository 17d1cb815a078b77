/**
 * Turns an answer of history into coverage: proved ranges are confirmed, the rest is requested again later or given up.
 *
 * @module
 */
import { type Doubt, type DoubtReason, isUnrepairable } from "../../../coverage/coverage.ts";
import { intersect, type Interval, subtract, totalMs, unite } from "../../../records/intervals.ts";
import { judgeAnswer } from "./evidence.ts";
import { isAboutMissing, note, open, settle, type Track } from "./track.ts";
import { backoff, DAY_MS, isAskable } from "./urgency.ts";
import { startsOf } from "./values.ts";

/** A sound and complete answer about one symbol. Times are epoch ms. */
export interface ReconcileOptions {
  readonly track: Track;
  /** The doubts that it was requested for. */
  readonly doubts: readonly Doubt[];
  /** Starts of bars known before the request, in order. */
  readonly known: readonly number[];
  readonly asked: Interval;
  /** Starts of the bars of the answer, in order. */
  readonly starts: readonly number[];
  readonly askedAt: number;
  /**
   * The time of the request by the monotonic clock, in milliseconds: the answer does not settle plain bars that came
   * later.
   */
  readonly begunAt: number;
  /** Whether it is a slice of the requested range, so that the rest follows next. */
  readonly isSlice: boolean;
  /** The begin of history; -Infinity if no end showed. */
  readonly historyStart: number;
  /** Doubts that begin before it are no longer asked about. */
  readonly reachFrom: number;
  /** How long after its end the vendor may correct a bar, in milliseconds. */
  readonly correctionMs: number;
  /** Starts of bars that history has with other values than a correction. */
  readonly outdated: ReadonlySet<number>;
  /** Its bars that were handed on and are not in the table, by start. @default {none} */
  readonly unstored?: ReadonlyMap<number, "journaled" | "deadLettered">;
  /** Ranges without a row between its rows, of a history with a row for each step. @default {none} */
  readonly withoutRow?: readonly Interval[];
  /** When a bar that ends at `ts` is surely in history. */
  readonly readyAt: (ts: number) => number;
  readonly now: number;
}

/** The outcome of an answer. */
export interface Reconciled {
  /** Settled ranges, and ranges that are given up. */
  readonly settled: readonly Interval[];
  readonly lost: readonly Interval[];
  /** Bars of the answer in the doubts. */
  readonly bars: number;
  /** Whether the answer lacks bars that are known. */
  readonly isContradicted: boolean;
  /** Doubtful ranges for which the answer should have rows and has none. */
  readonly withoutRow: readonly Interval[];
}

/** Applies an answer to the track. */
export function reconcile(options: ReconcileOptions): Reconciled {
  const { track, known, starts, askedAt, isSlice, outdated, historyStart } = options;
  const asked: Interval = [Math.max(options.asked[0], historyStart), Math.max(options.asked[1], historyStart)];
  const asking = options.doubts.map(({ from, to }): Interval => [from, to]);
  const verdict = judgeAnswer({ doubts: asking, known, stepMs: track.stepMs }, { asked, starts, askedAt });
  for (const start of starts) note(track, start);
  const refused = stepsOf(unstoredOf(options, "deadLettered"), track.stepMs);
  for (const step of stepsOf(unstoredOf(options, "journaled"), track.stepMs)) {
    track.journaled = unite(track.journaled, step);
  }
  const withoutRow = asking.flatMap((each) => intersect(each, options.withoutRow ?? []));
  const newer = stepsOf(startsOf(track.values, options.begunAt), track.stepMs);
  const left = [...stepsOf(outdated, track.stepMs), ...refused, ...withoutRow, ...newer].sort((a, b) => a[0] - b[0]);
  // Only ranges still in doubt are settled: live bars may have filled some meanwhile.
  const settled: Interval[] = [];
  for (const doubt of current(track, asking)) {
    for (const range of verdict.settled) {
      const part: Interval = [Math.max(range[0], doubt.from), Math.min(range[1], doubt.to)];
      if (part[0] >= part[1]) continue;
      for (const each of subtract(part, left)) {
        settle(track, each);
        settled.push(each);
      }
    }
  }
  const lost: Interval[] = [];
  const isContradicted = verdict.lacking.length > 0;
  const hasProgress = isSlice && settled.length > 0;
  for (const doubt of current(track, asking)) {
    for (const next of reschedule(doubt, { ...options, isContradicted, hasProgress })) {
      if (isUnrepairable(next)) lost.push([next.from, next.to]);
      open(track, next);
    }
  }
  for (const start of outdated) {
    if (current(track, [[start, start + track.stepMs]]).length > 0) continue;
    const { now } = options;
    const range = { from: start, to: start + track.stepMs };
    open(track, { ...range, reason: "corrected", foundAt: now, dueAt: now + backoff(0), attempts: 0 });
  }
  for (const [from, to] of refused) refuse(track, from, to, options.now);
  readAgain(track, starts, settled, options);
  const inDoubt = (start: number) => asking.some(([from, to]) => start >= from && start < to);
  return { settled, lost, bars: starts.filter(inDoubt).length, isContradicted, withoutRow };
}

const unstoredOf = ({ unstored = new Map() }: ReconcileOptions, outcome: "journaled" | "deadLettered") =>
  [...unstored].filter(([, each]) => each === outcome).map(([start]) => start);

/** Opens a doubt over a bar that is among the dead letters, or was handed on together with one. */
export function refuse(track: Track, from: number, to: number, now: number): void {
  const before = track.coverage.doubts.find((each) => each.from <= from && each.to >= to);
  const attempts = before?.reason === "refused" ? before.attempts : 0;
  // The table soon shows which of the two it was; a dead-lettered bar is requested again each day.
  const dueAt = now + (attempts === 0 ? backoff(0) : DAY_MS);
  open(track, { from, to, reason: "refused", foundAt: before?.foundAt ?? now, dueAt, attempts });
}

/**
 * Opens a doubt over settled bars that history returned and the vendor may still correct: the stream may miss the
 * correction. A lagging history shows the bars without it.
 */
function readAgain(
  track: Track,
  starts: readonly number[],
  settled: readonly Interval[],
  { correctionMs, now, askedAt, readyAt }: ReconcileOptions,
): void {
  // If history does not reach the end of a range yet, its bars may have earlier values.
  const behind = track.coverage.doubts.find(({ reason, dueAt }) => reason === "lag" && dueAt < Infinity);
  const shownAt = behind?.from ?? askedAt;
  const young = starts.filter((start) =>
    start + track.stepMs + correctionMs > shownAt && settled.some(([from, to]) => start >= from && start < to)
  );
  if (correctionMs === 0 || young.length === 0) return;
  const [from, last] = [young[0], young[young.length - 1]];
  // The age of bars follows the vendor's clock; what is due follows the latest of all clocks.
  const waitMs = Math.max(readyAt(last + track.stepMs + correctionMs) - askedAt, behind === undefined ? 0 : AGAIN_MS);
  const dueAt = now + waitMs;
  open(track, { from, to: last + track.stepMs, reason: "corrected", foundAt: now, dueAt, attempts: 0 });
}

/** How soon a lagging history is asked again about bars that it had already, in milliseconds. */
const AGAIN_MS = 15 * 60_000;

/** The doubts of the track that lie in the ranges and can be repaired. */
function current({ coverage: { doubts } }: Track, ranges: readonly Interval[]): Doubt[] {
  return doubts.filter((each) => isAskable(each) && ranges.some(([from, to]) => each.from < to && each.to > from));
}

interface RescheduleOptions extends ReconcileOptions {
  readonly isContradicted: boolean;
  /** Whether the next slice begins where this answer's evidence ends. */
  readonly hasProgress: boolean;
}

/** The parts of an unsettled doubt, which are requested at different times. */
function reschedule(doubt: Doubt, options: RescheduleOptions): Doubt[] {
  const { asked, isSlice, historyStart, reachFrom, outdated, isContradicted, hasProgress, now, readyAt } = options;
  const { from, to, attempts } = doubt;
  const parts: Doubt[] = [];
  const push = (start: number, end: number, change: Partial<Doubt>) => {
    if (start < end) parts.push({ ...doubt, from: start, to: end, ...change });
  };
  const lostTo = Math.min(to, Math.max(from, historyStart, Math.min(reachFrom, to)));
  push(from, lostTo, { dueAt: Infinity });
  const answeredTo = Math.max(lostTo, Math.min(to, asked[1]));
  if (hasProgress && !isContradicted) {
    push(lostTo, to, { dueAt: now });
    return parts;
  }
  const isOutdated = outdated.size > 0 && [...outdated].some((start) => start >= lostTo && start < answeredTo);
  push(lostTo, answeredTo, {
    reason: reasonOf(doubt, isContradicted, isOutdated),
    attempts: attempts + 1,
    dueAt: now + backoff(attempts),
  });
  push(answeredTo, to, { dueAt: isSlice ? now : Math.max(now, readyAt(to)) });
  return parts;
}

function reasonOf(doubt: Doubt, isContradicted: boolean, isOutdated: boolean): DoubtReason {
  if (isContradicted) return "contradicted";
  if (isOutdated) return "corrected";
  return isAboutMissing(doubt) && doubt.reason !== "refused" ? "lag" : doubt.reason;
}

const stepsOf = (starts: Iterable<number>, stepMs: number): Interval[] =>
  [...starts].sort((a, b) => a - b).map((start) => [start, start + stepMs]);

/** Minutes of the ranges in which the market was open. */
export function openMinutes({ calendar }: Track, ranges: readonly Interval[]): number {
  const ms = calendar === undefined
    ? totalMs(ranges)
    : ranges.reduce((sum, [from, to]) => sum + calendar.openMs(from, to), 0);
  return ms / 60_000;
}
