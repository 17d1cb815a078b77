/**
 * Messages of Kraken's stream: bars, answers to subscriptions, and messages to ignore.
 *
 * @module
 */
import { parseIso } from "../../records/time.ts";
import type { FeedBar, Session } from "../live/feed.ts";
import { readMessage, type Reject } from "../live/transport/message.ts";
import { type KrakenSeries, readBar } from "./bars.ts";

/** Handlers of messages. */
export interface MessageHandlers {
  /** States of bars; a snapshot has some finished ones. */
  bars(bars: readonly FeedBar[], isSnapshot: boolean): void;
  accepted(symbol: string): void;
  refused(symbol: string, reason: string): void;
  /** The server sends a sign of life. */
  beat(): void;
}

/** Creates a reader of messages. It rejects malformed items one by one, and reads the rest. */
export function createMessageReader(
  session: Pick<Session, "reject" | "alive">,
  options: KrakenSeries & { symbols: readonly string[] },
  handlers: MessageHandlers,
): (text: string) => void {
  const requested = new Set(options.symbols);

  /** Handles the answer about one symbol or several, and returns its problem. */
  function readAnswer(message: Record<string, unknown>): string | undefined {
    const { error, success } = message;
    const { symbol } = (message.result ?? message) as { symbol?: unknown };
    if (success !== true && typeof error !== "string") return "answer is not as documented";
    const reason = success === true ? "" : (error as string).slice(0, 200);
    const symbols = (Array.isArray(symbol) ? symbol : [symbol]).filter((each) => requested.has(each));
    if (symbols.length === 0) {
      return reason === "" ? "answer is about no symbol that was asked for" : `error: ${reason}`;
    }
    const isAccepted = success === true || /already subscribed/i.test(reason);
    for (const each of symbols) isAccepted ? handlers.accepted(each) : handlers.refused(each, reason);
  }

  function readBars(data: readonly unknown[], isSnapshot: boolean, reject: Reject): void {
    const bars: FeedBar[] = [];
    for (const item of data) {
      const bar = readBar(item, options);
      if (typeof bar === "string") reject(item, bar);
      else if (!requested.has(bar.symbol)) reject(item, "symbol is not subscribed");
      else {
        session.alive(bar.symbol, bar);
        // A time without trades is not a bar.
        if (bar.volume > 0 || bar.trades !== 0) bars.push(bar);
      }
    }
    handlers.bars(bars, isSnapshot);
  }

  return (text) =>
    readMessage(session, text, (message, reject) => {
      if (typeof message !== "object" || message === null || Array.isArray(message)) {
        return reject(message, "message is not an object");
      }
      const { method, channel, type, data, error, time_out: sentAt } = message as Record<string, unknown>;
      if (typeof sentAt === "string") options.clock?.vendorSaid(parseIso(sentAt));
      if (method === "subscribe") {
        const odd = readAnswer(message as Record<string, unknown>);
        if (odd !== undefined) reject(message, odd);
      } else if (channel === "heartbeat" || method === "pong") handlers.beat();
      else if (channel === "ohlc") {
        if (Array.isArray(data)) readBars(data, type === "snapshot", reject);
        else reject(message, "message has no data");
      } else if (error !== undefined) reject(message, "error is not about a subscription");
      else if (typeof channel !== "string" && typeof method !== "string") reject(message, "message has no kind");
    });
}
