/**
 * Kraken as a feed: its connections and its history.
 *
 * @module
 */
import { always, type Calendar } from "../../calendar/mod.ts";
import { createFeedClock } from "../live/clock.ts";
import type { Feed } from "../live/feed.ts";
import type { KrakenOptions } from "./endpoint.ts";
import { createHistory } from "./history.ts";
import { isTokenized } from "./symbols.ts";
import { runStream } from "./stream.ts";

/** Currencies trade at all times. Tokenised stocks rest at weekends, some longer, by undocumented hours. */
export const hoursOf = (symbol: string): Calendar | undefined => isTokenized(symbol) ? undefined : always;

/** Makes the feed. */
export function createKrakenFeed(given: KrakenOptions): Feed {
  const { clock = createFeedClock(given.stepMs) } = given;
  const options = { ...given, clock };
  const { bucket, read, start, lacks } = createHistory(options);
  return {
    name: "kraken",
    symbols: options.symbols,
    timeframe: options.timeframe,
    calendar: hoursOf,
    clock,
    bucket,
    isConfirmed: true,
    connect: (session) => runStream(session, options),
    history: ([symbol], ...asked) => read(symbol, ...asked),
    historyStart: start,
    historyLacks: lacks,
  };
}
