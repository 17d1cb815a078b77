/**
 * Errors of Alpaca's stream and what to do about each, after its documentation of the stream's errors.
 *
 * @module
 */
import { FeedError, type FeedErrorReason } from "../live/feed.ts";

/** After an unclean drop the old connection may be counted this long, in milliseconds. */
export const CONNECTION_COOLDOWN_MS = 90_000;

/** Codes beyond {@linkcode endingError}, which the connection survives. */
export const CODE = {
  /** The server cannot read a message, or a symbol in it. */
  invalidSyntax: 400,
  alreadyAuthenticated: 403,
  /** More symbols than the subscription allows; earlier ones stay subscribed. */
  symbolLimit: 405,
  /** More connections than the subscription allows. */
  connectionLimit: 406,
} as const;

/** The error that ends a connection with this code; `undefined` if the code does not end it. */
export function endingError(code: number, message: string, feed: string): FeedError | undefined {
  const said = `${code} ${message.slice(0, 200)}`;
  const fatal = (text: string) => new FeedError(`${text} (${said})`, { isFatal: true, reason: "refused" });
  const passing = (text: string, reason: FeedErrorReason) => new FeedError(`${text} (${said})`, { reason });
  switch (code) {
    case 401:
      return passing("Alpaca took a subscription for one without a key", "auth");
    case 402:
      return fatal("Alpaca does not know the key: check ALPACA_API_KEY and ALPACA_SECRET_KEY");
    case 404:
      return passing("Alpaca waited too long for the key", "auth");
    case 407:
      return passing("Alpaca found this client too slow", "slow");
    case 409:
      return fatal(
        `The Alpaca account has no subscription for the feed "${feed}": set ALPACA_FEED=iex or delayed_sip, or subscribe to it`,
      );
    case 410:
      return fatal("The Alpaca stream has no minute bars: check ALPACA_STREAM_URL and ALPACA_FEED");
    case 411:
      return fatal("The Alpaca key may not read market data: make one that may, and set ALPACA_API_KEY");
    case 500:
      return passing("Alpaca has an internal error", "server");
  }
}

/** The server refused a connection, on this socket or on a new one, for `triedMs` already. */
export function connectionLimitError(triedMs = 0): FeedError {
  const cooldownMs = Math.ceil(Math.max(0, CONNECTION_COOLDOWN_MS - triedMs) / 1000) * 1000;
  return new FeedError(
    "Alpaca has as many connections of the account as it allows (406 connection limit exceeded): is another program connected?",
    { cooldownMs, reason: "connection-limit" },
  );
}

/** Throws the error of a refused handshake: a 4xx will not change by itself, unless it asks to wait. */
export function throwForHandshake(status: number): void {
  if (status < 400 || status >= 500 || status === 408 || status === 429) return;
  throw new FeedError(
    `Alpaca's stream refuses the connection (HTTP ${status}): check ALPACA_STREAM_URL and ALPACA_FEED`,
    { isFatal: true, reason: "refused" },
  );
}
