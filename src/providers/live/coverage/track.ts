/**
 * State of one symbol of a feed while it streams: its coverage, the latest bars, and those on their way to the table.
 *
 * @module
 */
import type { Calendar } from "../../../calendar/mod.ts";
import {
  beginOf,
  confirm,
  type Doubt,
  doubt,
  type DoubtReason,
  endOf,
  type SeriesCoverage,
  UNKNOWN,
} from "../../../coverage/coverage.ts";
import { intersect, type Interval, subtract, unite } from "../../../records/intervals.ts";
import { forgetValues, type Values } from "./values.ts";

/** One symbol of a feed. Times are epoch ms. */
export interface Track {
  readonly symbol: string;
  readonly stepMs: number;
  /** `undefined` if the hours of the market are unknown: then any minute may have a bar. */
  readonly calendar: Calendar | undefined;
  coverage: SeriesCoverage;
  /** Latest end of bars, history and doubts so far; `undefined` for an unknown symbol. */
  head: number | undefined;
  /** Start of the first live bar of this run; Infinity before it. */
  first: number;
  /** Start of the newest live bar; -Infinity before the first. */
  newest: number;
  /** Starts of the newest known bars, live or from history, in order: as many as {@linkcode RECENT}. */
  readonly recent: number[];
  /** Live bars on their way to the table, each with the start of the range that it will confirm. */
  readonly inFlight: { readonly ts: number; readonly from: number; readonly isLate: boolean }[];
  /** Values to compare history with: those of corrections, and of bars to be confirmed. */
  values: Values;
  /** Whether the symbol was unknown before this run. */
  isNew: boolean;
  /** Whether the head is only the time of the subscription: then an older first bar is where the series begins. */
  isGuess: boolean;
  /**
   * Starts of corrections that an earlier run stored, with the time of learning them, by the monotonic clock: history
   * may still have earlier values. Absent without any.
   */
  corrected?: Map<number, number>;
  /** When its bars began to come on this connection, in milliseconds of the monotonic clock. */
  resumedAt: number;
  /** When history last answered about everything due, in milliseconds of the monotonic clock. */
  answeredAt: number;
  /** Live bars that lie in the journal and are not in the table yet: they confirm nothing until it is drained. */
  journaled: readonly Interval[];
  /** When data of the symbol came last before an interruption; -Infinity if unknown. */
  heardAt: number;
  /** Ranges confirmed since the last save. */
  unsaved: readonly Interval[];
  readonly limits: TrackLimits;
}

/** The memory that a symbol may take. */
export interface TrackLimits {
  /** Most doubts; beyond that neighbours are merged, with the confirmed range between them. */
  readonly doubts: number;
  /** Most compared bars, enough for the few minutes until a symbol has its turn. */
  readonly values: number;
}

/** The limits of each symbol, by their number: ten thousand without repairs take no more memory than a few thousand. */
export const limitsFor = (symbols: number): TrackLimits => ({
  doubts: Math.max(6, Math.min(32, Math.floor(60_000 / symbols))),
  values: Math.max(32, Math.min(200, Math.floor(320_000 / symbols))),
});

/** Bars to remember: an hour of minutes, and neighbours on both sides. */
const RECENT = 64;
/** Steps over which the density of a symbol is measured. */
const DENSITY_STEPS = 60;

/** Reasons that concern the values of a bar: a stored bar does not settle them. */
const ABOUT_VALUES: ReadonlySet<DoubtReason> = new Set<DoubtReason>(["partial", "late", "corrected", "contradicted"]);

/** Whether the doubt is about bars that may be missing, not about the values of existing ones. */
export const isAboutMissing = ({ reason }: Doubt): boolean => !ABOUT_VALUES.has(reason);

/** Makes a track without any coverage. */
export function createTrack(
  symbol: string,
  stepMs: number,
  calendar: Calendar | undefined,
  limits = limitsFor(1),
): Track {
  // One literal: a spread object takes several times as much memory.
  return {
    symbol,
    stepMs,
    calendar,
    limits,
    coverage: UNKNOWN,
    head: undefined,
    first: Infinity,
    newest: -Infinity,
    recent: [],
    inFlight: [],
    values: [],
    isNew: false,
    isGuess: false,
    corrected: undefined,
    resumedAt: -Infinity,
    answeredAt: -Infinity,
    journaled: [],
    heardAt: -Infinity,
    unsaved: [],
  };
}

/** Records the start of a newly known bar. */
export function note({ recent }: Track, ts: number): void {
  if (recent.length === 0 || ts > recent[recent.length - 1]) recent.push(ts);
  else {
    const at = recent.findIndex((start) => start >= ts);
    if (recent[at] === ts || (at === 0 && recent.length === RECENT)) return;
    recent.splice(at, 0, ts);
  }
  if (recent.length > RECENT) recent.shift();
}

/**
 * Takes the start of a finished live bar; returns the hole before it, a range in which the market was open and no bar
 * came.
 */
export function receive(track: Track, ts: number): Interval | undefined {
  const { stepMs, inFlight } = track;
  const head = headBefore(track, ts);
  track.isGuess = false;
  if (track.first === Infinity) track.first = ts;
  track.newest = Math.max(track.newest, ts);
  note(track, ts);
  if (ts < head) {
    inFlight.push({ ts, from: ts, isLate: true });
    return undefined;
  }
  const isHole = ts > head && isOpenIn(track, head, ts);
  inFlight.push({ ts, from: isHole ? ts : head, isLate: false });
  track.head = ts + stepMs;
  return isHole ? [head, ts] : undefined;
}

/**
 * How far the symbol is known when a live bar starts at `ts`. The newest bar gives the time: beyond it lie only doubts
 * of a clock that is ahead, and bars are missed there as elsewhere.
 */
function headBefore({ head = -Infinity, newest, isGuess, coverage, inFlight }: Track, ts: number): number {
  if (head === -Infinity || (isGuess && ts < head)) return ts;
  const known = Math.max(coverage.confirmed.at(-1)?.[1] ?? -Infinity, inFlight.at(-1)?.ts ?? -Infinity);
  return ts < head && ts > newest && ts >= known ? ts : head;
}

/** End of the newest bar, or else of the confirmed range; `undefined` without either. */
export function barsEnd({ newest, stepMs, coverage }: Track): number | undefined {
  return newest > -Infinity ? newest + stepMs : coverage.confirmed.at(-1)?.[1];
}

/**
 * Confirms the range of a live bar in the table, or doubts it if the bar is in the journal. Earlier findings about it,
 * and its values, stay unchanged.
 */
export function commit(track: Track, ts: number, isJournaled = false): void {
  const at = track.inFlight.findIndex((each) => each.ts === ts);
  if (at < 0) return;
  const [{ from, isLate }] = track.inFlight.splice(at, 1);
  const range: Interval = [from, ts + track.stepMs];
  if (isJournaled) track.journaled = unite(track.journaled, [ts, ts + track.stepMs]);
  const { doubts, confirmed } = track.coverage;
  const kept = doubts.filter((each) => !isAboutMissing(each)).map((each): Interval => [each.from, each.to]);
  // A late bar fills a doubt. In an unknown range it is evidence for itself alone, which the table keeps.
  for (const part of subtract(range, kept)) {
    const isKnown = doubts.some((each) => each.from < part[1] && each.to > part[0]);
    // A correction in the journal makes the bar in the table outdated.
    const isOutdated = isJournaled && confirmed.some((each) => each[0] < part[1] && each[1] > part[0]);
    if (!isLate || isKnown || isOutdated) settle(track, part);
  }
}

/** Removes a live bar that will not be in the table; returns the start of the range that it would confirm. */
export function forget({ values, inFlight }: Track, ts: number): number {
  forgetValues(values, (start) => start === ts);
  const at = inFlight.findIndex((each) => each.ts === ts);
  return at < 0 ? ts : inFlight.splice(at, 1)[0].from;
}

/**
 * Takes a committed bar that only history can confirm. Adjoining ones share a doubt, so that one request confirms them.
 */
export function doubtUntilConfirmed(
  track: Track,
  ts: number,
  isJournaled: boolean,
  foundAt: number,
  dueAt: number,
): void {
  const { stepMs, inFlight } = track;
  const at = inFlight.findIndex((each) => each.ts === ts);
  if (at < 0) return;
  const [{ from: own }] = inFlight.splice(at, 1);
  const to = ts + stepMs;
  if (isJournaled) track.journaled = unite(track.journaled, [ts, to]);
  const last = track.coverage.doubts.at(-1);
  const isNext = last?.reason === "partial" && last.to === own && last.attempts === 0;
  const [from, soonest] = isNext ? [last.from, Math.min(last.dueAt, dueAt)] : [own, dueAt];
  open(track, { from, to, reason: "partial", foundAt, dueAt: soonest, attempts: 0 });
}

/** Takes over the coverage of earlier runs. If this run has begun already, the time between is in doubt. */
export function learn(track: Track, known: SeriesCoverage, now: number): void {
  const { confirmed, doubts } = track.coverage;
  const end = endOf(known);
  const begun = Math.min(beginOf(track.coverage), track.inFlight[0]?.from ?? Infinity);
  // The journal of the run that wrote bars to it may be gone.
  let merged: SeriesCoverage = {
    ...known,
    doubts: known.doubts.map((each) => each.reason === "journaled" ? { ...each, reason: "stopped", dueAt: now } : each),
  };
  for (const range of confirmed) merged = confirm(merged, range);
  for (const each of doubts) merged = doubt(merged, each);
  track.coverage = merged;
  if (track.head === undefined) track.head = end === -Infinity ? undefined : end;
  else if (end < begun && begun < Infinity && end > -Infinity) {
    open(track, { from: end, to: begun, reason: "stopped", foundAt: now, dueAt: now, attempts: 0 });
  }
}

/** Confirms a range, except for bars that only the journal has: these are in doubt until it is drained. */
export function settle(track: Track, range: Interval): void {
  for (const part of subtract(range, track.journaled)) {
    track.coverage = confirm(track.coverage, part);
    track.unsaved = unite(track.unsaved, part);
  }
  for (const bars of track.journaled) {
    for (const [from, to] of intersect(range, [bars])) {
      const before = track.coverage.doubts.find((each) => each.reason === "journaled" && each.to === from);
      const { from: start, foundAt } = before ?? { from, foundAt: Date.now() };
      open(track, { from: start, to, reason: "journaled", foundAt, dueAt: foundAt, attempts: 0 });
    }
  }
}

/** Records that some ranges have left the journal; `isStored` says whether the table has all of them. */
export function drain(track: Track, ranges: readonly Interval[], isStored: boolean, now: number): void {
  track.journaled = track.journaled.flatMap((each) => subtract(each, ranges));
  for (const each of track.coverage.doubts) {
    if (each.reason !== "journaled") continue;
    for (const part of subtract([each.from, each.to], track.journaled)) {
      if (isStored && ranges.some(([from, to]) => from <= part[0] && part[1] <= to)) settle(track, part);
      else open(track, { ...each, from: part[0], to: part[1], reason: "refused", dueAt: now });
    }
  }
  if (isStored) return;
  // History is asked for them, so its values must not count as known.
  forgetValues(track.values, (ts) => ranges.some(([from, to]) => ts >= from && ts < to));
}

/** Opens a doubt, or changes an open one. */
export function open(track: Track, opened: Doubt): void {
  track.coverage = doubt(track.coverage, opened);
  track.unsaved = track.unsaved.flatMap((each) => subtract(each, [[opened.from, opened.to]]));
  if (track.coverage.doubts.length > track.limits.doubts) coalesce(track);
}

/** Merges the two nearest doubts. */
function coalesce(track: Track): void {
  const { doubts } = track.coverage;
  let best = 1;
  for (let at = 2; at < doubts.length; at++) {
    if (doubts[at].from - doubts[at - 1].to < doubts[best].from - doubts[best - 1].to) best = at;
  }
  const [first, second] = [doubts[best - 1], doubts[best]];
  const dueAt = Math.min(first.dueAt, second.dueAt);
  const { reason } = second.reason === "journaled" ? first : second;
  const attempts = Math.min(first.attempts, second.attempts);
  open(track, { ...second, from: first.from, reason, dueAt, attempts });
}

/** Whether the market is open at any time of the range; without known hours it may be. */
export function isOpenIn({ calendar, stepMs }: Track, from: number, to: number): boolean {
  if (calendar === undefined) return true;
  for (const _ of calendar.starts(from, to, stepMs)) return true;
  return false;
}

/**
 * The share of the last hour's bars that came, from 0 to 1; `undefined` with too few known bars.
 *
 * @param until Bars that start before it count, in epoch ms. @default {all}
 */
export function densityOf({ recent, stepMs, calendar }: Track, until = Infinity): number | undefined {
  const last = recent.findLastIndex((start) => start < until);
  if (last < 2) return undefined;
  const newest = recent[last];
  const since = Math.max(newest - (DENSITY_STEPS - 1) * stepMs, recent[0]);
  const count = last + 1 - recent.findIndex((start) => start >= since);
  const steps = (calendar?.openMs(since, newest + stepMs) ?? newest + stepMs - since) / stepMs;
  return Math.min(1, count / Math.max(1, steps));
}
