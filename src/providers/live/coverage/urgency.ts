/**
 * How soon history is asked about a doubt.
 *
 * @module
 */
import { beginOf, type Doubt, isUnrepairable } from "../../../coverage/coverage.ts";
import { densityOf, type Track } from "./track.ts";

/**
 * - `outage`: after an interruption, or if half of the busy symbols lack the same minute: at once, at the full rate;
 * - `busy`: a symbol with bars in over 90 % of its last hour: soon, within the share for repairs;
 * - `first`: a symbol that no run has streamed before: the minute of its subscription, within that share except for a
 *   few;
 * - `thin`: a symbol that trades rarely: with the next sweep, within that share.
 */
export type Urgency = "outage" | "busy" | "first" | "thin";

/** In the order of their turns. */
export const URGENCIES: readonly Urgency[] = ["outage", "busy", "first", "thin"];

/** Density from which on a missing bar is probably lost, not without trades. */
export const BUSY_DENSITY = 0.9;
/** How long after the end of a bar it is surely in history, in milliseconds. */
export const SETTLE_MS = 5_000;
/** How often thin symbols are swept, in milliseconds. */
const SWEEP_MS = 10 * 60_000;
/** Waits after each answer that settles nothing, in milliseconds; after the last, daily. */
const BACKOFF_MS = [1, 2, 5, 15, 60].map((minutes) => minutes * 60_000);
/** How often history is asked about ranges that it refuses or cannot settle, in milliseconds. */
export const DAY_MS = 24 * 60 * 60_000;

/** Whether a bar of the symbol is expected in nearly each step, or was up to `until` (epoch ms). */
export function isBusy(track: Track, until?: number): boolean {
  const density = densityOf(track, until);
  return density !== undefined && density > BUSY_DENSITY;
}

/** The wait after the attempt with that number, from 0, in milliseconds. */
export const backoff = (attempts: number): number => BACKOFF_MS[attempts] ?? DAY_MS;

/**
 * The doubt, asked about no later than its backoff allows: otherwise it would wait as long as a clock was set back.
 *
 * @param readyAt When its range is in history, in epoch ms.
 */
export function bringForward(doubt: Doubt, now: number, readyAt: number): Doubt {
  if (isUnrepairable(doubt)) return doubt;
  const waitMs = doubt.reason === "denied" ? DAY_MS : doubt.attempts === 0 ? SWEEP_MS : backoff(doubt.attempts);
  const latest = Math.max(now, readyAt) + waitMs;
  return doubt.dueAt > latest ? { ...doubt, dueAt: latest } : doubt;
}

/** When history is first asked about a range of a symbol that ends at `readyAt`, in epoch ms. */
export function firstDue(readyAt: number, isBusy: boolean): number {
  return isBusy ? readyAt : Math.ceil(readyAt / SWEEP_MS) * SWEEP_MS;
}

/** The urgency of a doubt; `isShared` says whether the busy symbols lack that minute. */
export function urgencyOf(track: Track, doubt: Doubt, isShared: (ts: number) => boolean): Urgency {
  if (doubt.attempts === 0) {
    if (["stopped", "upgraded", "restored"].includes(doubt.reason)) return "outage";
    if (doubt.reason === "hole" && isShared(doubt.to)) return "outage";
    // After the first answer, only the minute in which an interruption ended is left.
    const isOutage = doubt.reason === "interrupted" && track.answeredAt < track.resumedAt;
    const isFirst = track.isNew && doubt.from <= beginOf(track.coverage);
    if (isOutage) return isFirst ? "first" : "outage";
  }
  return isBusy(track) ? "busy" : "thin";
}

/** How often live bars bring the next question of a lagging history forward; after that its backoff applies alone. */
const MAX_HASTENED = 3;

/**
 * Whether the live bar that starts at `ts` may complete the proof of history: the first one after the doubt does, and a
 * few later ones if history lags. A history that confirms each bar is asked with each anyway.
 */
export function isHastened({ reason, to, attempts }: Doubt, ts: number, isConfirmed: boolean): boolean {
  if (to === ts) return true;
  const isBehind = reason === "lag" || reason === "partial";
  return to < ts && isBehind && (isConfirmed || attempts <= MAX_HASTENED);
}

/** Whether history can settle the doubt, and is asked about it: bars in the journal arrive without a question. */
export const isAskable = (doubt: Doubt): boolean => !isUnrepairable(doubt) && doubt.reason !== "journaled";

/** The doubts to ask history about at `now`, if bars that start before `ready` are surely in it. */
export function dueDoubts(track: Track, now: number, ready: number): Doubt[] {
  return track.coverage.doubts.filter((each) => isAskable(each) && each.dueAt <= now && each.from < ready);
}
