/**
 * Binance as a feed: its connections and its history.
 *
 * @module
 */
import { always } from "../../calendar/mod.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { createFeedClock } from "../live/clock.ts";
import type { Feed } from "../live/feed.ts";
import type { BinanceOptions } from "./endpoint.ts";
import { createSeen } from "../live/seen.ts";
import { createHistory } from "./history.ts";
import { runStream } from "./stream.ts";

/** Makes the feed. */
export function createBinanceFeed(given: BinanceOptions): Feed {
  const stepMs = TIMEFRAMES.get(given.timeframe)!;
  const { clock = createFeedClock(stepMs) } = given;
  const options = { ...given, clock };
  const history = createHistory({ ...options, stepMs });
  // Outlives connections: a bar repeated after a reconnect is a correction, too.
  const note = createSeen(options.symbols, stepMs);
  /** Results of looking symbols up, which do not change with the connection. */
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
    connect: (session) => runStream(session, { ...options, stepMs, note, explainUnknown }),
    history: ([symbol], ...asked) => history.read(symbol, ...asked),
    historyLacks: history.lacks,
  };
}
