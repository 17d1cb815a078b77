/**
 * Keeps repairs that are not urgent to a share of the account's requests for history.
 *
 * The share is a bucket of tokens, filled at the share of the account's documented rate, from which each request takes
 * one. So over any time the requests other than urgent ones are at most what the share earns, and {@linkcode
 * AT_MOST_AHEAD} more.
 *
 * @module
 */

/**
 * The purpose of a question:
 * - `urgent`: an outage. It takes nothing of the share;
 * - `first`: the first look at a symbol. The first {@linkcode FIRST_LOOKS} do not wait for the share, which later questions pay
 *   back; the others are ordinary;
 * - `pressing`: a busy symbol that misses bars. It runs up to {@linkcode PRESSING} requests ahead of the share;
 * - `ordinary`: everything else, within the share.
 */
export type Purpose = "urgent" | "first" | "pressing" | "ordinary";

/** A question to history that has begun. */
export interface CountedQuestion {
  /** To be called before each request of it. */
  readonly onRequest: () => void;
  /** Takes the question back: nothing was asked. */
  cancel(): void;
}

/** A share of a rate. */
export interface Share {
  /**
   * How long to wait before the next question, in milliseconds; 0 where it can be asked now, `Infinity` where the day's requests
   * are used.
   *
   * @param purpose @default {"ordinary"}
   */
  waitMs(purpose?: Purpose): number;
  /**
   * Counts a question: one request at once, as a failed one was made, too, and each further one before it is sent.
   *
   * @param purpose @default {"ordinary"}
   */
  begin(purpose?: Purpose): CountedQuestion;
}

/** Options of {@linkcode createShare}. */
export interface ShareOptions {
  /** Requests a second that the account allows; may change. */
  perSecond: () => number;
  /** The share of them, from 0 to 1. */
  part: () => number;
  /** Most requests a day, urgent ones included. @default {Infinity} */
  perDay?: number;
  /** The monotonic clock, in milliseconds. @default {performance.now} */
  now?: () => number;
}

/** Most requests at once after a time without any. */
export const BURST = 3;
/** First looks that do not wait for the share: a few symbols are whole from the start, a thousand take their time. */
export const FIRST_LOOKS = 20;
/** Requests about busy symbols that miss bars, ahead of the share. */
const PRESSING = 10;
/** Part of an earlier first look that a request pays back. */
const PAYBACK = 0.25;
/** Most requests ahead of what the share has earned, beside those in flight. */
export const AT_MOST_AHEAD = BURST + FIRST_LOOKS + PRESSING;
const DAY_MS = 24 * 60 * 60_000;

/** Creates an unspent share. */
export function createShare(
  { perSecond, part, perDay = Infinity, now = () => performance.now() }: ShareOptions,
): Share {
  /** When all spent requests are earned again. */
  let earnedAt = -Infinity;
  let day = { since: now(), requests: 0 };
  let firstLooks = 0;
  /** First looks that are not paid back. */
  let owed = 0;

  const costMs = () => 1000 / (perSecond() * part());
  const isFree = (purpose: Purpose) => purpose === "urgent" || (purpose === "first" && firstLooks < FIRST_LOOKS);

  /** Counts a request, and gives what takes that back. */
  function spend(purpose: Purpose): () => void {
    day.requests++;
    const isFirst = purpose === "first" && isFree(purpose);
    const takesShare = !isFree(purpose) && part() > 0;
    const paid = isFirst ? -1 : takesShare ? Math.min(PAYBACK, owed) : 0;
    const spentMs = takesShare ? (1 + paid) * costMs() : 0;
    if (isFirst) firstLooks++;
    owed -= paid;
    if (takesShare) earnedAt = Math.max(now(), earnedAt) + spentMs;
    return () => {
      day.requests--;
      if (isFirst) firstLooks--;
      owed += paid;
      earnedAt -= spentMs;
    };
  }

  return {
    waitMs(purpose = "ordinary") {
      if (now() - day.since >= DAY_MS) day = { since: now(), requests: 0 };
      if (day.requests >= perDay) return Infinity;
      if (isFree(purpose)) return 0;
      if (part() === 0) return Infinity;
      const ahead = BURST - 1 + (purpose === "pressing" ? PRESSING : 0);
      return Math.max(0, earnedAt - now() - ahead * costMs());
    },
    begin(purpose = "ordinary") {
      let sent = 0;
      const cancel = spend(purpose);
      return {
        cancel,
        onRequest() {
          if (sent++ > 0) spend(purpose);
        },
      };
    },
  };
}
