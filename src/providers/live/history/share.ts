/**
 * Keeps repairs that are not urgent to a share of what an account may ask of history.
 *
 * @module
 */

/**
 * The purpose of a request:
 * - `urgent`: an outage. It takes nothing of the share;
 * - `first`: the first look at a symbol. The first {@linkcode FIRST_LOOKS} take nothing of the share, the others are
 *   ordinary;
 * - `ordinary`: everything else, within the share.
 */
export type Purpose = "urgent" | "first" | "ordinary";

/** A share of a rate. */
export interface Share {
  /**
   * How long to wait before the next request, in milliseconds; 0 where it can be made now, `Infinity` where the day's are
   * used.
   *
   * @param purpose @default {"ordinary"}
   */
  waitMs(purpose?: Purpose): number;
  /**
   * Counts that many requests of a purpose, those of the day and those of the share; fewer than 0 were counted in vain.
   *
   * @param purpose @default {"ordinary"}
   */
  spend(requests: number, purpose?: Purpose): void;
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
/** First looks that take nothing of the share: a few symbols are whole from the start, a thousand take their time. */
export const FIRST_LOOKS = 20;
const DAY_MS = 24 * 60 * 60_000;

/** Makes an unspent share. */
export function createShare(
  { perSecond, part, perDay = Infinity, now = () => performance.now() }: ShareOptions,
): Share {
  /** When all that was spent is earned again. */
  let earnedAt = -Infinity;
  let day = { since: now(), requests: 0 };
  let firstLooks = 0;

  const costMs = () => 1000 / (perSecond() * part());
  const isFree = (purpose: Purpose) => purpose === "urgent" || (purpose === "first" && firstLooks < FIRST_LOOKS);

  return {
    waitMs(purpose = "ordinary") {
      if (now() - day.since >= DAY_MS) day = { since: now(), requests: 0 };
      if (day.requests >= perDay) return Infinity;
      if (isFree(purpose)) return 0;
      if (part() === 0) return Infinity;
      return Math.max(0, earnedAt - now() - (BURST - 1) * costMs());
    },
    spend(requests, purpose = "ordinary") {
      day.requests += requests;
      if (isFree(purpose)) {
        if (purpose === "first") firstLooks += requests;
      } else if (part() > 0) earnedAt = Math.max(now(), earnedAt) + requests * costMs();
    },
  };
}
