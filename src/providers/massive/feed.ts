/**
 * Massive as a feed: its connections and its history.
 *
 * @module
 */
import { usEquities } from "../../calendar/mod.ts";
import { createTokenBucket } from "../../pipeline/rate.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { createFeedClock, type FeedClock } from "../live/clock.ts";
import type { Feed } from "../live/feed.ts";
import type { CallOutcome } from "../live/rest.ts";
import { runMassiveConnection } from "./connection.ts";
import { readHistory } from "./history.ts";
import { createSeen } from "../live/seen.ts";

/** How far the delayed feed is behind, in milliseconds. */
export const DELAY_MS = 15 * 60_000;
/** A day of New York ends some hours after that of UTC in which it begins. */
const DAY_LAG_MS = 6 * 60 * 60_000;
/** Paid plans have no limit, but are asked to stay below 100 requests a second; 20 leave room for others. */
const PAID_PER_MINUTE = 1200;
/** The free plan's limit. */
const FREE_PER_MINUTE = 5;

/** How to reach Massive. */
export interface MassiveOptions {
  symbols: readonly string[];
  timeframe: string;
  /** `AM` or `A`. */
  channel: string;
  key: string;
  socketUrl: string;
  restUrl: string;
  /** Whether bars come a quarter of an hour late. @default {false} */
  isDelayed?: boolean;
  /**
   * REST requests a minute. @default {as many as paid plans allow, until Massive objects; from then on as many as the free
   * plan allows}
   */
  requestsPerMinute?: number;
  /** Least wait after too many connections, in milliseconds. @default {60000} */
  cooldownMs?: number;
  /** Longest wait for each answer of the handshake, in milliseconds. @default {10000} */
  answerMs?: number;
  /** How often a connection shows that it is in use, in milliseconds. @default {30000} */
  keepAliveMs?: number;
  /** First wait before a REST request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  clock?: FeedClock;
  onCall?: (outcome: CallOutcome) => void;
}

/** Makes the feed. */
export function createMassiveFeed(given: MassiveOptions): Feed {
  const { symbols, timeframe, requestsPerMinute } = given;
  const stepMs = TIMEFRAMES.get(timeframe)!;
  const { clock = createFeedClock(stepMs) } = given;
  const options = { ...given, clock };
  const perMinute = requestsPerMinute ?? PAID_PER_MINUTE;
  const bucket = createTokenBucket(perMinute / 60);
  // Outlives connections: a bar that comes again after a reconnect is a correction too.
  const note = createSeen(symbols, stepMs);
  return {
    name: "massive",
    symbols,
    timeframe,
    calendar: () => usEquities,
    clock,
    bucket,
    // A plan whose stream is delayed has a history that is.
    historyLagMs: Math.max(options.isDelayed ? DELAY_MS : 0, timeframe === "1d" ? DAY_LAG_MS : 0),
    connect: (session) => runMassiveConnection({ ...options, stepMs, note, session }),
    history: ([symbol], from, to, signal) =>
      readHistory({
        ...options,
        stepMs,
        symbol,
        from,
        to,
        signal,
        bucket,
        onCall(outcome) {
          options.onCall?.(outcome);
          if (outcome === "throttled" && requestsPerMinute === undefined) bucket.perSecond = FREE_PER_MINUTE / 60;
        },
      }),
  };
}
