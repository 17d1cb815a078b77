/**
 * One connection to Alpaca's stream.
 *
 * The server says `connected`, is sent the key, says `authenticated`, is sent the symbols, and names those that it
 * took; each of these steps must come within {@linkcode StreamOptions.answerMs}. Then bars come: `b` right after their
 * minute, and `u` half a minute later for bars changed by late trades. A quiet market sends nothing.
 *
 * If Alpaca still counts another connection of the account (406), the key is sent again on the same socket, for a
 * minute: that takes no new connection, and succeeds as soon as the old one no longer counts. Then the socket is given
 * up, and the next one waits longer than Alpaca was ever seen to count a dead connection.
 *
 * @module
 */
import type { FeedClock } from "../live/clock.ts";
import { FeedError, type Session } from "../live/feed.ts";
import { errorWithoutKey, withoutKey } from "../live/transport/key.ts";
import { runSocket } from "../live/transport/socket.ts";
import { CODE, connectionLimitError, endingError, throwForHandshake } from "./errors.ts";
import { createMessageReader } from "./messages.ts";
import { type QuietWatch, watchQuiet } from "./quiet.ts";
import { createSubscriptions } from "./subscriptions.ts";

/** How to reach the stream. */
export interface StreamOptions {
  url: string;
  /** Name of the feed, for messages. */
  feed: string;
  key: string;
  secret: string;
  symbols: readonly string[];
  clock?: FeedClock;
  /** Longest wait for each answer before the bars flow, in milliseconds. @default {15000} */
  answerMs?: number;
  /** Step of the growing waits between attempts to be let in, in milliseconds. @default {500} */
  reauthMs?: number;
  /** See {@linkcode createSubscriptions}. @default {10000} */
  askAgainMs?: number;
  /** See {@linkcode watchQuiet}. @default {60000} */
  quietMs?: number;
}

/** Attempts to be let in on one socket. */
const MAX_REAUTHS = 15;

/**
 * Runs a connection until it ends.
 *
 * @throws {FeedError} At its end, always.
 */
export async function runStream(session: Session, options: StreamOptions): Promise<void> {
  const { answerMs = 15_000, reauthMs = 500, quietMs = 60_000 } = options;
  const ending = new AbortController();
  let step: ReturnType<typeof setTimeout> | undefined;
  let quiet: QuietWatch | undefined;
  let send: (message: unknown) => void = () => {};
  let isAuthenticated = false;
  let refusals = 0;
  let refusedAt = 0;

  function expect(what: string): void {
    clearTimeout(step);
    const late = () => ending.abort(new FeedError(`Alpaca did not ${what} for ${answerMs} ms`, { reason: "silence" }));
    step = setTimeout(late, answerMs);
  }

  function authenticate(): void {
    expect("answer to the key");
    send({ action: "auth", key: options.key, secret: options.secret });
  }

  const subscriptions = createSubscriptions({
    symbols: options.symbols,
    session,
    request(symbols, isAgain) {
      // A repeated subscription need not be answered.
      if (!isAgain) expect("answer to a subscription");
      send({ action: "subscribe", bars: symbols, updatedBars: symbols });
    },
    hasUpdates: options.feed !== "test",
    askAgainMs: options.askAgainMs,
    onError: (error) => ending.abort(error),
    onIdle() {
      clearTimeout(step);
      quiet ??= watchQuiet({
        quietMs,
        // Subscribes again to a subscribed symbol, which is answered with all subscriptions.
        ask: () => send({ action: "subscribe", bars: [subscriptions.example] }),
        onDead: () => ending.abort(new FeedError("Alpaca no longer answers", { reason: "silence" })),
      });
    },
  });

  function enter(): void {
    if (isAuthenticated) return;
    isAuthenticated = true;
    subscriptions.start();
  }

  function takeError(code: number, message: string): boolean {
    if (code === CODE.alreadyAuthenticated) enter();
    else if (code === CODE.connectionLimit && !isAuthenticated) {
      if (refusals === 0) {
        refusedAt = performance.now();
        session.warn(
          `Alpaca still counts another connection of the account (${code} ${message.slice(0, 200)}), waiting`,
        );
      }
      if (++refusals > MAX_REAUTHS) throw connectionLimitError(performance.now() - refusedAt);
      clearTimeout(step);
      step = setTimeout(authenticate, reauthMs * Math.min(refusals, 10));
    } else if (code === CODE.connectionLimit) throw connectionLimitError();
    else if (!subscriptions.refuse(code, message)) {
      const error = endingError(code, message, options.feed);
      if (error !== undefined) throw error;
      return false;
    }
    return true;
  }

  const read = createMessageReader(session, new Set(options.symbols), {
    success(message) {
      if (message === "connected") authenticate();
      else if (message === "authenticated") enter();
    },
    subscription(bars, updatedBars) {
      if (!subscriptions.acknowledge(bars, updatedBars)) quiet?.answered();
    },
    error: takeError,
  }, options.clock);

  try {
    await runSocket({
      url: options.url,
      signal: AbortSignal.any([session.signal, ending.signal]),
      silenceMs: Infinity,
      onOpen(sender) {
        send = sender;
        expect("greet");
      },
      onMessage(text) {
        quiet?.heard();
        // If the server repeats the keys, they must not reach the log or the dead letters.
        read(withoutKey(withoutKey(text, options.key), options.secret));
      },
      onRefused: throwForHandshake,
    });
  } catch (thrown) {
    const error = errorWithoutKey(errorWithoutKey(thrown, options.key), options.secret);
    // A server that closes the socket after its 406 is left alone as long as one that leaves it open.
    const isTurnedAway = refusals > 0 && !isAuthenticated && !session.signal.aborted;
    if (!isTurnedAway || (error instanceof FeedError && error.isFatal)) throw error;
    throw connectionLimitError(performance.now() - refusedAt);
  } finally {
    clearTimeout(step);
    subscriptions.stop();
    quiet?.stop();
  }
}
