/**
 * Addresses and waits of the connection to Massive.
 *
 * @module
 */
import type { FeedClock } from "../live/clock.ts";
import type { CallOutcome } from "../live/transport/rest.ts";

/** How to reach Massive. */
export interface MassiveOptions {
  symbols: readonly string[];
  timeframe: string;
  /** `AM` or `A`. */
  channel: string;
  key: string;
  socketUrl: string;
  restUrl: string;
  /**
   * REST requests a minute. @default {as many as paid plans allow, and less while Massive objects, see `pace.ts`}
   */
  requestsPerMinute?: number;
  /** Least wait after too many connections, in milliseconds. @default {60000} */
  cooldownMs?: number;
  /** Longest wait for each answer of the handshake, in milliseconds. @default {10000} */
  answerMs?: number;
  /** Interval of messages that keep the connection in use, in milliseconds. @default {30000} */
  keepAliveMs?: number;
  /** First wait before a REST request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  clock?: FeedClock;
  /** Warns the operator once. */
  warn?: (message: string) => void;
  onCall?: (outcome: CallOutcome) => void;
}
