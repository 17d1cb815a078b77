/**
 * Subscribes to many symbols on a stream that accepts or refuses each request as a whole.
 *
 * @module
 */
import type { Session } from "../live/feed.ts";
import { FeedError } from "../live/feed.ts";
import { CODE, CONNECTION_COOLDOWN_MS } from "./errors.ts";

/**
 * Symbols of one request, about 8 kB: requests with some thousands of symbols are silently cut short (as users of its
 * C# SDK report), and so are requests sent without waiting for answers.
 */
const MAX_SYMBOLS = 500;

/** Most requests for a symbol that answers leave out. */
const MAX_ASKS = 4;
/** Most symbols named in a message. */
const NAMED = 5;

/** The subscriptions of one connection. */
export interface Subscriptions {
  /** Sends the first request. */
  start(): void;
  /**
   * Handles the answer to a subscription, which names all subscribed symbols, and those with corrections. Returns
   * whether it was expected.
   */
  acknowledge(bars: readonly string[], updatedBars: readonly string[] | undefined): boolean;
  /** Handles an error, and returns whether it was about the request in flight. */
  refuse(code: number, message: string): boolean;
  /** A symbol for a harmless question: a subscribed one, if there is any. */
  readonly example: string;
  /** Sends no further requests. */
  stop(): void;
}

/** Options of {@linkcode createSubscriptions}. */
export interface SubscriptionsOptions {
  symbols: readonly string[];
  session: Session;
  /** Whether the server names the symbols whose corrections are subscribed: the test feed need not. */
  hasUpdates: boolean;
  /** First wait before symbols that an answer left out are asked for again, in milliseconds; it doubles. @default {10000} */
  askAgainMs?: number;
  /** Sends a request; one that asks again may contain subscribed symbols. */
  request: (symbols: readonly string[], isAgain: boolean) => void;
  /** Called whenever no answer is outstanding. */
  onIdle: () => void;
  /** Called with the error of a request sent later. */
  onError: (error: unknown) => void;
}

/**
 * Creates the subscriptions: one request after another. A refused request is halved until the symbols at fault are
 * found; if it exceeds a limit, all remaining symbols are. Symbols whose bars or corrections an answer leaves out are
 * requested again, {@linkcode MAX_ASKS} times in all.
 */
export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const { session, request, onIdle, onError, hasUpdates, askAgainMs = 10_000 } = options;
  const symbols = [...new Set(options.symbols)];
  const waiting: string[][] = [];
  const held = new Set<string>();
  /** Symbols left out of answers, to be requested again together. */
  const missing = new Set<string>();
  let current: readonly string[] = [];
  let asks = 1;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLimited = false;

  function enqueue(some: readonly string[]): void {
    for (let at = 0; at < some.length; at += MAX_SYMBOLS) waiting.push(some.slice(at, at + MAX_SYMBOLS));
  }

  function next(): void {
    current = waiting.shift() ?? [];
    if (current.length > 0) return request(current, asks > 1);
    if (missing.size > 0) askAgain();
    else if (held.size === 0) throw refusedAll();
    onIdle();
  }

  function askAgain(): void {
    timer = setTimeout(() => {
      asks++;
      enqueue([...missing]);
      missing.clear();
      try {
        next();
      } catch (error) {
        onError(error);
      }
    }, askAgainMs * 2 ** (asks - 1));
  }

  function refusedAll(): FeedError {
    return new FeedError(`Alpaca refused each of the symbols: ${symbols.slice(0, 10).join(", ")}`, {
      // The limit may still include a dead connection.
      isFatal: !isLimited,
      cooldownMs: isLimited ? CONNECTION_COOLDOWN_MS : 0,
      reason: "refused",
    });
  }

  function hold(symbol: string): void {
    if (held.has(symbol)) return;
    held.add(symbol);
    session.subscribed(symbol);
  }

  function warnOfUpdates(some: readonly string[]): void {
    const rest = some.length - NAMED;
    const names = some.slice(0, NAMED).join(", ") + (rest > 0 ? ` and ${rest} others` : "");
    session.warn(`Alpaca left ${names} out of updatedBars: corrections of their bars come from history alone`);
  }

  enqueue(symbols);
  return {
    start: next,
    acknowledge(bars, updatedBars) {
      const all = new Set(bars);
      // The answer to any request names all symbols.
      for (const symbol of missing) {
        if (!all.has(symbol) || held.has(symbol)) continue;
        missing.delete(symbol);
        hold(symbol);
      }
      if (current.length === 0) return false;
      const updates = new Set(updatedBars ?? (hasUpdates ? [] : bars));
      const isLast = asks === MAX_ASKS;
      for (const symbol of current) {
        if (all.has(symbol)) hold(symbol);
        else if (isLast) session.refuse(symbol, `Alpaca left it out of ${MAX_ASKS} subscriptions`);
        if (!isLast && !(all.has(symbol) && updates.has(symbol))) missing.add(symbol);
      }
      const withoutUpdates = current.filter((symbol) => all.has(symbol) && !updates.has(symbol));
      if (isLast && withoutUpdates.length > 0) warnOfUpdates(withoutUpdates);
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
      for (const symbol of held) return symbol;
      return symbols[0];
    },
    stop: () => clearTimeout(timer),
  };
}
