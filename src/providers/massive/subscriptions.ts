/**
 * Tracks which symbols of a connection are subscribed, refused, or without an answer.
 *
 * A success names its topic, a refusal need not ("not authorized"). So refusals without a name are kept until only as
 * many symbols are open as refusals: these symbols are refused, in any order of the answers.
 *
 * @module
 */
import { FeedError, type Session } from "../live/feed.ts";

/** The subscriptions of a connection. */
export interface Subscriptions {
  /** Symbols that are subscribed. */
  readonly held: ReadonlySet<string>;
  /** Symbols without an answer. */
  readonly open: ReadonlySet<string>;
  /** The symbol is subscribed: the server confirms it, or its bars come. */
  accepted(symbol: string): void;
  /**
   * Refuses a symbol, the named one if known. Returns whether one was left to refuse.
   *
   * @throws {FeedError} If all symbols are refused then; fatal.
   */
  refused(symbol: string | undefined, reason: string): boolean;
  /**
   * No further answers are expected. A subscribed topic gets none, so open ones count as subscribed; the watch over
   * silent symbols finds out whether their bars come.
   *
   * @throws {FeedError} If all are refused; fatal.
   */
  conclude(): void;
}

/** Tracks the subscriptions of these symbols. */
export function createSubscriptions(
  symbols: readonly string[],
  session: Pick<Session, "subscribed" | "refuse">,
): Subscriptions {
  const requested = new Set(symbols);
  const open = new Set(symbols);
  const held = new Set<string>();
  /** Reasons of refusals that name no symbol. */
  const nameless: string[] = [];
  let lastReason = "";

  function accept(symbol: string): void {
    open.delete(symbol);
    held.add(symbol);
    session.subscribed(symbol);
  }
  function refuse(symbol: string, reason: string): void {
    open.delete(symbol);
    lastReason = reason;
    session.refuse(symbol, reason);
  }
  function settle(): void {
    if (nameless.length > 0 && nameless.length >= open.size) {
      for (const symbol of [...open]) refuse(symbol, nameless.shift()!);
      nameless.length = 0;
    }
    if (open.size > 0 || held.size > 0) return;
    throw new FeedError(
      `Massive refuses all symbols (${lastReason}): the plan of this key does not include their bars, ` +
        "see https://massive.com/pricing",
      { isFatal: true, reason: "refused" },
    );
  }

  return {
    held,
    open,
    accepted(symbol) {
      if (held.has(symbol) || !requested.has(symbol)) return;
      accept(symbol);
      settle();
    },
    refused(symbol, reason) {
      if (symbol === undefined ? open.size === 0 : !open.has(symbol)) return false;
      if (symbol === undefined) nameless.push(reason);
      else refuse(symbol, reason);
      settle();
      return true;
    },
    conclude() {
      // Topics are answered in the order of their requests, so the first are the likeliest.
      for (const symbol of [...open].slice(0, nameless.length)) refuse(symbol, nameless.shift()!);
      for (const symbol of [...open]) accept(symbol);
      settle();
    },
  };
}
