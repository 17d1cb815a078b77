/**
 * Addresses and waits of the connection to Binance.
 *
 * @module
 */
import type { FeedClock } from "../live/clock.ts";
import type { CallOutcome } from "../live/transport/rest.ts";

/** How to reach Binance. */
export interface BinanceOptions {
  symbols: readonly string[];
  timeframe: string;
  socketUrl: string;
  restUrl: string;
  /** Whether to emit forming bars, too. */
  provisional: boolean;
  /** Longest wait for the answer to a request on the socket, in milliseconds. @default {10000} */
  answerMs?: number;
  /**
   * Interval of keep-alive requests, in milliseconds; a silence three times as long ends the connection. @default
   * {20000}
   */
  keepAliveMs?: number;
  /** First wait before a REST request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  clock?: FeedClock;
  /** Called with the outcome of each REST request. */
  onCall?: (outcome: CallOutcome) => void;
}
