/**
 * Where Binance is reached, and how patiently.
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
  /** Whether to give forming bars too. */
  provisional: boolean;
  /** Longest wait for the answer to a request on the socket, in milliseconds. @default {10000} */
  answerMs?: number;
  /** How often the server is asked for a sign of life, in milliseconds; none for three times as long is the end. @default {20000} */
  keepAliveMs?: number;
  /** First wait before a REST request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  clock?: FeedClock;
  /** Called with the outcome of each REST request. */
  onCall?: (outcome: CallOutcome) => void;
}
