/**
 * Massive as a feed: its connections and its history.
 *
 * @module
 */
import { usEquities } from "../../calendar/mod.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { createFeedClock } from "../live/clock.ts";
import type { Feed } from "../live/feed.ts";
import type { MassiveOptions } from "./endpoint.ts";
import { runStream } from "./stream.ts";
import { readHistory } from "./history.ts";
import { createPace } from "./pace.ts";
import { createSeen } from "../live/seen.ts";

/** How far the delayed feed is behind, in milliseconds. */
export const DELAY_MS = 15 * 60_000;
/**
 * Late trades change a bar for about a quarter of an hour; after an interruption bars of this age are read again, in
 * milliseconds.
 */
const CORRECTION_MS = 16 * 60_000;
/** A day of New York ends some hours after that of UTC in which it begins. */
const DAY_LAG_MS = 6 * 60 * 60_000;

/** Whether a host of streams is one of delayed plans: `delayed.`, `delayed-business.`, and so on. */
export const isDelayedHost = (url: string): boolean => /^delayed[.-]/.test(URL.parse(url)?.hostname ?? "");

/** Makes the feed. */
export function createMassiveFeed(given: MassiveOptions): Feed {
  const { symbols, timeframe, requestsPerMinute } = given;
  const stepMs = TIMEFRAMES.get(timeframe)!;
  const { clock = createFeedClock(stepMs) } = given;
  const options = { ...given, clock };
  const pace = createPace(requestsPerMinute, given.warn);
  const { bucket } = pace;
  /** How far history lags, by the known plan: a plan with a delayed stream has a delayed history. */
  let delayMs = isDelayedHost(given.socketUrl) ? DELAY_MS : 0;
  // Outlives connections: a bar repeated after a reconnect is a correction, too.
  const note = createSeen(symbols, stepMs);
  return {
    name: "massive",
    symbols,
    timeframe,
    calendar: () => usEquities,
    clock,
    bucket,
    correctionMs: CORRECTION_MS,
    get historyLagMs() {
      return Math.max(delayMs, timeframe === "1d" ? DAY_LAG_MS : 0);
    },
    connect: (session) => runStream({ ...options, stepMs, note, session }),
    history: ([symbol], from, to, signal, onRequest) =>
      readHistory({
        ...options,
        stepMs,
        symbol,
        from,
        to,
        signal,
        bucket,
        onRequest,
        onDelayed: () => void (delayMs = DELAY_MS),
        onCall(outcome) {
          options.onCall?.(outcome);
          pace.heard(outcome);
        },
      }),
  };
}
