/**
 * Plans the next request to history about one symbol.
 *
 * @module
 */
import type { Doubt, DoubtReason, SeriesCoverage } from "../../../coverage/coverage.ts";
import type { StoredStarts } from "../../../coverage/store.ts";
import type { Interval } from "../../../records/intervals.ts";
import type { FeedCoverage } from "../coverage.ts";
import { isAboutMissing, isOpenIn, note, settle, type Track } from "../coverage/track.ts";
import { dueDoubts, isAskable, URGENCIES, type Urgency, urgencyOf } from "../coverage/urgency.ts";

/** A question about one symbol. Times are epoch ms. */
export interface RepairPlan {
  readonly track: Track;
  readonly symbol: string;
  /** The coverage that the plan is based on; if the track has another one by now, the plan is void. */
  readonly basis: SeriesCoverage;
  readonly doubts: readonly Doubt[];
  readonly urgency: Urgency;
  readonly dueAt: number;
  /** Start of the first bar to request: a near neighbour of the doubts, if there is one. */
  readonly from: number;
  /** Bars to request start before it: behind the other neighbour, or at the end of history. */
  readonly to: number;
}

/** Largest distance of neighbours to request, in bars. */
const NEAR = 60;

/** The plan for a track at `now`; `undefined` if nothing is due. */
export function planRepair(track: Track, coverage: FeedCoverage, now: number): RepairPlan | undefined {
  const ready = coverage.readyAt(now);
  const doubts = dueDoubts(track, now, ready);
  if (doubts.length === 0) return undefined;
  const urgencies = doubts.map((each) => urgencyOf(track, each, coverage.isShared));
  const urgency = URGENCIES.find((each) => urgencies.includes(each))!;
  const dueAt = Math.min(...doubts.map((each) => each.dueAt));
  return {
    track,
    symbol: track.symbol,
    basis: track.coverage,
    doubts,
    urgency,
    dueAt,
    ...rangeOf(track, doubts, ready),
  };
}

function rangeOf({ recent, stepMs }: Track, doubts: readonly Doubt[], ready: number): { from: number; to: number } {
  const first = doubts[0].from;
  const last = doubts.at(-1)!.to;
  const left = recent.findLast((start) => start < first) ?? -Infinity;
  const right = recent.find((start) => start >= last) ?? Infinity;
  const from = first - left <= NEAR * stepMs ? left : first;
  const to = right - last <= NEAR * stepMs ? right + stepMs : last + NEAR * stepMs;
  return { from, to: Math.min(to, ready) };
}

/**
 * When the next doubt of the track can be asked about, in epoch ms, apart from those due now.
 *
 * @param notBefore Nothing is asked before it, in epoch ms.
 */
export function nextDue(track: Track, coverage: FeedCoverage, now: number, notBefore: number): number {
  let next = Infinity;
  for (const each of track.coverage.doubts) {
    if (!isAskable(each)) continue;
    const at = Math.max(each.dueAt, coverage.inHistoryAt(each.from), notBefore);
    if (at > now) next = Math.min(next, at);
  }
  return next;
}

/**
 * Whether the table is needed: bars in or beside the doubts are older than the memory, or some of their bars were
 * stored and others were not.
 */
export function needsTable({ track: { recent, first }, doubts }: RepairPlan): boolean {
  const [{ from }] = doubts;
  return recent.length === 0 || recent[0] >= from || from < first || doubts.some(({ reason }) => reason === "refused");
}

/** Reasons of doubts that began in this run: it knows which of the stored bars were not whole, and they have doubts of their own. */
const OF_THIS_RUN: ReadonlySet<DoubtReason> = new Set<DoubtReason>(["hole", "interrupted"]);

/**
 * Uses the table: minutes at both ends of a doubt whose bars are stored are settled without a request. Returns the
 * starts of the known bars in and around the doubts.
 *
 * A run that was killed may have stored part of a bar and not saved its doubt, so a stored bar settles only doubts of
 * this run.
 *
 * @param isFinal Whether the vendor corrects no bars and the stream marks finished ones, so that a stored bar is final.
 */
export function useTable({ track, doubts }: RepairPlan, stored: StoredStarts, isFinal: boolean): number[] {
  const { stepMs } = track;
  const within = new Set(stored.within);
  for (const { from, to, reason } of isFinal ? doubts.filter(isAboutMissing) : []) {
    const isWhole = (start: number) => OF_THIS_RUN.has(reason) && within.has(start);
    const isKnown = (start: number) => isWhole(start) || !isOpenIn(track, start, start + stepMs);
    let start = from;
    while (start < to && isKnown(start)) start += stepMs;
    let end = to;
    while (end > start && isKnown(end - stepMs)) end -= stepMs;
    for (const range of [[from, start], [end, to]] as Interval[]) if (range[0] < range[1]) settle(track, range);
  }
  // Of bars with a shared outcome, the stored ones were not refused.
  for (const { from, to } of doubts.filter(({ reason }) => reason === "refused")) {
    for (const start of stored.within) if (start >= from && start < to) settle(track, [start, start + stepMs]);
  }
  const known = [stored.before, ...stored.within, stored.after].filter((each) => each !== undefined);
  for (const start of known) note(track, start);
  for (const start of stored.corrected ?? []) {
    track.corrected ??= new Map();
    if (!track.corrected.has(start)) track.corrected.set(start, performance.now());
  }
  return known;
}
