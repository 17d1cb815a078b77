/**
 * Coverage: which ranges of a series are confirmed, and which are in doubt.
 *
 * A stored bar is evidence for its own minute. A minute without a bar is evidence for nothing, until the provider's
 * history proves that there was none. So a series consists of ranges that are
 *
 * - **confirmed**: a bar is stored for each step, or history has proved that there was none, or the market was closed;
 * - **in doubt**: a bar may be missing, partial or out of date, for a {@linkcode DoubtReason}; history is asked again
 *   at `dueAt`, until the doubt is settled by evidence or `unrepairable`;
 * - **unknown**: everything else. Nothing is claimed, and nothing is asked for.
 *
 * `src/providers/live/coverage.ts` describes how the live feeds move ranges from one state to another.
 *
 * @module
 */
import { type Interval, subtract, unite } from "../records/intervals.ts";

/**
 * - `hole`: a live bar does not adjoin the bar before it;
 * - `interrupted`: the connection, or the symbol's part of it, was interrupted;
 * - `partial`: the last state of a bar came well before its end, or history has not confirmed the bar yet;
 * - `late`: the vendor has marked a bar as late, so that bars before it may be, too;
 * - `corrected`: history still has the value that a correction replaced, or corrections may have been missed;
 * - `lag`: history does not reach the end of the range yet;
 * - `contradicted`: an answer of history lacks a bar that is stored;
 * - `journaled`: the bars wait in the journal, and the database does not have them yet;
 * - `restored`: the database was restored or exchanged, and may lack the bars;
 * - `stopped`: the last run ended without saying how far it had come;
 * - `deleted`: bars were deleted;
 * - `upgraded`: an earlier version claimed the range without evidence;
 * - `refused`: a bar could not be stored: it is among the dead letters, or the journal gave it up;
 * - `horizon`: history does not go back that far;
 * - `denied`: the account may not read the range.
 */
export type DoubtReason =
  | "hole"
  | "interrupted"
  | "partial"
  | "late"
  | "corrected"
  | "lag"
  | "contradicted"
  | "journaled"
  | "restored"
  | "stopped"
  | "deleted"
  | "upgraded"
  | "refused"
  | "horizon"
  | "denied";

/** A range of a series that is in doubt. Times are epoch ms; `from` and `to` are starts of bars, `to` is exclusive. */
export interface Doubt {
  readonly from: number;
  readonly to: number;
  readonly reason: DoubtReason;
  /** When the doubt was opened. */
  readonly foundAt: number;
  /** When history is asked next; `Infinity` once it is no longer asked, as the doubt is unrepairable. */
  readonly dueAt: number;
  /** Answers so far that have not settled the doubt. */
  readonly attempts: number;
}

/**
 * The confirmed and doubtful ranges of a series. Both lists are in order and disjoint; no doubt overlaps a confirmed
 * range.
 */
export interface SeriesCoverage {
  readonly confirmed: readonly Interval[];
  readonly doubts: readonly Doubt[];
}

/** A series without any claim. */
export const UNKNOWN: SeriesCoverage = { confirmed: [], doubts: [] };

/** Whether history is no longer asked about the doubt. */
export const isUnrepairable = ({ dueAt }: Doubt): boolean => dueAt === Infinity;

/** Where the known ranges of a series begin, in epoch ms; `Infinity` without any. */
export const beginOf = ({ confirmed, doubts }: SeriesCoverage): number =>
  Math.min(confirmed[0]?.[0] ?? Infinity, doubts[0]?.from ?? Infinity);

/** Where the known ranges of a series end, in epoch ms; `-Infinity` without any. */
export const endOf = ({ confirmed, doubts }: SeriesCoverage): number =>
  Math.max(confirmed.at(-1)?.[1] ?? -Infinity, doubts.at(-1)?.to ?? -Infinity);

/** The coverage with the range confirmed, and cut out of the doubts. */
export function confirm({ confirmed, doubts }: SeriesCoverage, range: Interval): SeriesCoverage {
  return { confirmed: unite(confirmed, range), doubts: without(doubts, range) };
}

/** The coverage with the doubt's range in doubt; older doubts lose the part of it that they share. */
export function doubt({ confirmed, doubts }: SeriesCoverage, opened: Doubt): SeriesCoverage {
  const range: Interval = [opened.from, opened.to];
  if (range[0] >= range[1]) return { confirmed, doubts };
  return {
    confirmed: confirmed.flatMap((each) => subtract(each, [range])),
    doubts: [...without(doubts, range), opened].sort((a, b) => a.from - b.from),
  };
}

/** The parts of the doubts outside the range: the same list where no doubt touches it. */
function without(doubts: readonly Doubt[], range: Interval): readonly Doubt[] {
  const isOutside = (each: Doubt) => each.to <= range[0] || each.from >= range[1];
  if (doubts.every(isOutside)) return doubts;
  return doubts.flatMap((each) =>
    isOutside(each) ? [each] : subtract([each.from, each.to], [range]).map(([from, to]) => ({ ...each, from, to }))
  );
}
