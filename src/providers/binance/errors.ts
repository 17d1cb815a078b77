/**
 * Errors of Binance that waiting does not mend.
 *
 * @module
 */
import { FeedError } from "../live/feed.ts";

/**
 * Binance does not serve the location of this machine: HTTP 451, on the stream and in history. The message names
 * alternatives.
 */
export function notServed(cause?: unknown): FeedError {
  return new FeedError(
    "Binance does not serve the place that this machine is in (HTTP 451): take --provider kraken, or in the US set " +
      "BINANCE_WS_URL=wss://stream.binance.us:9443 and BINANCE_REST_URL=https://api.binance.us",
    { isFatal: true, reason: "refused", cause },
  );
}

/** The symbol does not exist: code -1121, which only history returns. */
export class UnknownSymbolError extends FeedError {
  /** Creates the error. */
  constructor(symbol: string) {
    super(`Binance has no symbol ${symbol} (-1121 Invalid symbol)`, { isFatal: true, reason: "refused" });
  }
}
