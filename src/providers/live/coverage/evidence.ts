/**
 * The proof that an answer of history gives about a series.
 *
 * An answer is **sound** if its transport and its body are: the status, the counts, the whole chain of pages. Its
 * reader checks that; only sound answers come here. That is not enough: history may lag behind the stream, or lie. So
 * an answer proves that a minute had no trade only if it also has the bars on both sides of the minute:
 *
 * - a known bar that the answer lacks, and that is not newer than the answer's newest, **contradicts** it: then it
 *   proves nothing at all;
 * - its newest bar is how far history **reaches**: everything before its end is proved, everything after it is not;
 * - without any later bar, in the answer or known, a range is proved once it is {@linkcode QUIET_MS} old: the end of a
 *   session, a halt, or a symbol that trades rarely. Only the next live bar distinguishes such a silence from a history
 *   that lags more than that;
 * - without any earlier bar (a new listing, the first bars of a series, a neighbour too far back to be asked for), the
 *   answer's own later bar counts alone.
 *
 * @module
 */
import { intersect, type Interval } from "../../../records/intervals.ts";

/** Age at which an answer without a later bar proves that none exists, in milliseconds. */
export const QUIET_MS = 60 * 60_000;

/** A sound answer about one series. All times are epoch ms. */
export interface Answer {
  /** The requested range. */
  readonly asked: Interval;
  /** Starts of its bars, in order. */
  readonly starts: readonly number[];
  /** When it was requested, by the latest known clock. */
  readonly askedAt: number;
}

/** The answer to judge. */
export interface Question {
  /** Ranges in doubt; parts outside the requested range stay in doubt. */
  readonly doubts: readonly Interval[];
  /** Starts of bars known before the request, in order: the answer must contain them. */
  readonly known: readonly number[];
  readonly stepMs: number;
}

/** The proof of an answer. */
export interface Verdict {
  /** Settled parts of the doubts. */
  readonly settled: readonly Interval[];
  /** Known bars that the answer should contain and does not. If any are lacking, nothing is settled. */
  readonly lacking: readonly number[];
}

/** Judges a sound answer. */
export function judgeAnswer({ doubts, known, stepMs }: Question, { asked, starts, askedAt }: Answer): Verdict {
  const [from, to] = asked;
  const held = new Set(starts);
  const newest = starts.at(-1) ?? -Infinity;
  const quietBefore = Math.floor((askedAt - QUIET_MS) / stepMs) * stepMs;
  const expected = known.filter((start) => start >= from && start < to);
  const lacking = expected.filter((start) => !held.has(start) && (start < newest || start + stepMs <= quietBefore));
  if (lacking.length > 0) return { settled: [], lacking };
  // A known bar that history does not have yet shows that history lags.
  const isBehind = expected.some((start) => start > newest);
  const reach = isBehind ? newest + stepMs : Math.max(newest + stepMs, quietBefore);
  const proved: Interval = [from, Math.min(reach, to)];
  return { settled: doubts.flatMap((each) => intersect(each, [proved])), lacking };
}
