/**
 * Keeps repairs that are not urgent to a share of what an account may ask of history.
 *
 * @module
 */

/** A share of a rate. */
export interface Share {
  /**
   * How long to wait before the next request, in milliseconds; 0 where it can be made now, `Infinity` where the day's are
   * used. Urgent ones wait for the day's alone, of which those `inFlight` are used, too.
   */
  waitMs(isUrgent?: boolean, inFlight?: number): number;
  /** Notes that many requests. Urgent ones take nothing of the share, but of the day's. */
  spend(requests: number, isUrgent?: boolean): void;
}

/** Options of {@linkcode createShare}. */
export interface ShareOptions {
  /** Requests a second that the account allows; may change. */
  perSecond: () => number;
  /** The part of them, from 0 to 1. */
  part: () => number;
  /** Most requests a day, urgent ones included. @default {Infinity} */
  perDay?: number;
  /** The monotonic clock, in milliseconds. @default {performance.now} */
  now?: () => number;
}

/** Requests that may be made at once after a time without any. */
const BURST = 3;
const DAY_MS = 24 * 60 * 60_000;

/** Makes a share of which nothing is spent. */
export function createShare(
  { perSecond, part, perDay = Infinity, now = () => performance.now() }: ShareOptions,
): Share {
  /** When all that was spent is earned again. */
  let earnedAt = -Infinity;
  let day = { since: now(), requests: 0 };

  const costMs = () => 1000 / (perSecond() * part());

  return {
    waitMs(isUrgent = false, inFlight = 0) {
      if (now() - day.since >= DAY_MS) day = { since: now(), requests: 0 };
      if (day.requests + inFlight >= perDay) return Infinity;
      if (isUrgent) return 0;
      if (part() === 0) return Infinity;
      return Math.max(0, earnedAt - now() - (BURST - 1) * costMs());
    },
    spend(requests, isUrgent = false) {
      day.requests += requests;
      if (!isUrgent && part() > 0) earnedAt = Math.max(now(), earnedAt) + requests * costMs();
    },
  };
}
