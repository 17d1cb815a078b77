/**
 * Addresses and waits of the connection to Kraken.
 *
 * @module
 */
import type { FeedClock } from "../live/clock.ts";
import type { CallOutcome } from "../live/transport/rest.ts";

/** How to reach Kraken. */
export interface KrakenOptions {
  symbols: readonly string[];
  timeframe: string;
  /** Length of the timeframe, in milliseconds. */
  stepMs: number;
  socketUrl: string;
  restUrl: string;
  /** Whether to emit forming bars, too. */
  provisional: boolean;
  /** How long after its end a bar is finished if no later one begins, in milliseconds. @default {4000} */
  closeAfterMs?: number;
  /** Longest wait for the answers to a subscription, in milliseconds. @default {15000} */
  answerMs?: number;
  /**
   * Interval of messages that keep the connection in use: the server closes idle ones after a minute. @default {20000}
   */
  pingEveryMs?: number;
  /** REST requests a second: one is safe for the public endpoints. @default {1} */
  requestsPerSecond?: number;
  /** First wait before a REST request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  clock?: FeedClock;
  /** Called with the outcome of each REST request. */
  onCall?: (outcome: CallOutcome) => void;
}
