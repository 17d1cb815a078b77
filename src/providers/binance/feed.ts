/**
 * Binance as a feed: its connections and its history.
 *
 * @module
 */
import { always } from "../../calendar/mod.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { createFeedClock, type FeedClock } from "../live/clock.ts";
import type { Feed } from "../live/feed.ts";
import type { CallOutcome } from "../live/transport/rest.ts";
import { createSeen } from "../live/seen.ts";
import { createHistory } from "./history.ts";
import { runConnection } from "./stream.ts";

/** How to reach Binance. */
export interface BinanceOptions {
  symbols: readonly string[];
  timeframe: string;
  socketUrl: string;
  restUrl: string;
  /** Whether to give bars under way too. */
  provisional: boolean;
  /** Longest wait for the answer to a request on the socket, in milliseconds. @default {10000} */
  answerMs?: number;
  /** How often the server is asked for a sign of life, in milliseconds; none for three times as long is the end. @default {20000} */
  keepAliveMs?: number;
  /** First wait before a REST request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  clock?: FeedClock;
  /** Told of the outcome of each REST request. */
  onCall?: (outcome: CallOutcome) => void;
}

/** Makes the feed. */
export function createBinanceFeed(given: BinanceOptions): Feed {
  const stepMs = TIMEFRAMES.get(given.timeframe)!;
  const { clock = createFeedClock(stepMs) } = given;
  const options = { ...given, clock };
  const history = createHistory({ ...options, stepMs });
  // Outlives connections: a bar that comes again after a reconnect is a correction too.
  const note = createSeen(options.symbols, stepMs);
  /** Symbols that were looked up: which there are does not change with the connection. */
  const known = new Map<string, string | undefined>();

  async function explainUnknown(symbol: string, signal: AbortSignal): Promise<string | undefined> {
    if (!known.has(symbol)) known.set(symbol, await history.explainUnknown(symbol, signal));
    return known.get(symbol);
  }
  return {
    name: "binance",
    symbols: options.symbols,
    timeframe: options.timeframe,
    calendar: () => always,
    clock,
    bucket: history.bucket,
    connect: (session) => runConnection(session, { ...options, stepMs, note, explainUnknown }),
    history: ([symbol], from, to, signal) => history.read(symbol, from, to, signal),
  };
}
