/**
 * Subscribing to many symbols on a stream that takes or refuses each request as a whole.
 *
 * @module
 */
import type { Session } from "../live/feed.ts";
import { FeedError } from "../live/feed.ts";
import { CODE, CONNECTION_COOLDOWN_MS } from "./errors.ts";

/**
 * Symbols of one request, about 8 kB: requests with some thousands were cut short without a word (as users of
 * its C# SDK report), as were several sent without waiting for the answers.
 */
const MAX_SYMBOLS = 500;

/** The subscriptions of one connection. */
export interface Subscriptions {
  /** Sends the first request. */
  start(): void;
  /** Takes the answer to a subscription, which names all symbols that are subscribed; tells whether it was waited for. */
  acknowledge(bars: readonly string[]): boolean;
  /** Takes an error, and tells whether it was about the request under way. */
  refuse(code: number, message: string): boolean;
  /** A symbol that is subscribed. */
  readonly example: string | undefined;
}

/** Options of {@linkcode createSubscriptions}. */
export interface SubscriptionsOptions {
  symbols: readonly string[];
  session: Session;
  /** Sends a request. */
  request: (symbols: readonly string[]) => void;
  /** Told when every symbol is subscribed or refused. */
  onDone: () => void;
}

/**
 * Makes the subscriptions: one request after another. A request that is refused is halved until the symbols to blame are
 * found; of a limit on their number all the symbols that are left are to blame.
 */
export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const { session, request, onDone } = options;
  const symbols = [...new Set(options.symbols)];
  const waiting: string[][] = [];
  for (let at = 0; at < symbols.length; at += MAX_SYMBOLS) waiting.push(symbols.slice(at, at + MAX_SYMBOLS));
  let current: readonly string[] = [];
  let example: string | undefined;
  let isLimited = false;

  function next(): void {
    current = waiting.shift() ?? [];
    if (current.length > 0) return request(current);
    if (example !== undefined) return onDone();
    throw new FeedError(`Alpaca refused each of the symbols: ${symbols.slice(0, 10).join(", ")}`, {
      // A limit may be one that a connection not yet forgotten still counts towards.
      isFatal: !isLimited,
      cooldownMs: isLimited ? CONNECTION_COOLDOWN_MS : 0,
      reason: "refused",
    });
  }

  return {
    start: next,
    acknowledge(bars) {
      if (current.length === 0) return false;
      const held = new Set(bars);
      for (const symbol of current) {
        if (held.has(symbol)) {
          example ??= symbol;
          session.subscribed(symbol);
        } else session.refuse(symbol, "Alpaca left it out of the subscription");
      }
      next();
      return true;
    },
    refuse(code, message) {
      if (current.length === 0 || (code !== CODE.invalidSyntax && code !== CODE.symbolLimit)) return false;
      if (current.length > 1) {
        const half = Math.ceil(current.length / 2);
        waiting.unshift(current.slice(0, half), current.slice(half));
      } else if (code === CODE.invalidSyntax) {
        session.refuse(current[0], `Alpaca has no such symbol (${code} ${message})`);
      } else {
        isLimited = true;
        for (const symbol of [...current, ...waiting.splice(0).flat()]) {
          session.refuse(symbol, `the Alpaca subscription allows no more symbols (${code} ${message})`);
        }
      }
      next();
      return true;
    },
    get example() {
      return example;
    },
  };
}
