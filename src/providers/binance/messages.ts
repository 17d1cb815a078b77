/**
 * Messages of Binance's streams: klines, answers to requests, and the shutdown of a server; with or without the name of
 * their stream around them.
 *
 * @module
 */
import type { FeedClock } from "../live/clock.ts";
import { FeedError, type Session } from "../live/feed.ts";
import { readMessage } from "../live/transport/message.ts";

/** Handlers of messages. */
export interface MessageHandlers {
  /** The `k` of a kline; `reject` is called with its problem. */
  kline(k: unknown, reject: (reason: string) => void): void;
  /** The answer to a request, with its problem. Returns whether it was expected. */
  answer(id: number, problem: string | undefined): boolean;
}

/**
 * Makes a reader of messages. It rejects undocumented messages, and the connection continues.
 *
 * The reader throws a {@linkcode FeedError} if the server shuts down.
 */
export function createMessageReader(
  session: Pick<Session, "reject">,
  handlers: MessageHandlers,
  clock?: Pick<FeedClock, "vendorSaid">,
): (text: string) => void {
  return (text) =>
    readMessage(session, text, (message, reject) => {
      if (typeof message !== "object" || message === null || Array.isArray(message)) {
        return reject(message, "message is not an object");
      }
      const { id, result, error, msg, data = message } = message as Record<string, unknown>;
      const { e: kind, E: sentAt, k } = (data ?? {}) as Record<string, unknown>;
      if (typeof sentAt === "number") clock?.vendorSaid(sentAt);
      if (kind === "serverShutdown") throw new FeedError("Binance shuts the server down", { reason: "shutdown" });
      if (kind === "kline") handlers.kline(k, (reason) => reject(message, reason));
      else if (typeof id === "number" && (result === null || Array.isArray(result))) handlers.answer(id, undefined);
      else if (error !== undefined || msg !== undefined) {
        const isAnswer = typeof id === "number" && handlers.answer(id, text.slice(0, 200));
        if (!isAnswer) reject(message, "error is not about any request");
      } else if (typeof kind !== "string") reject(message, "message has no kind");
    });
}
