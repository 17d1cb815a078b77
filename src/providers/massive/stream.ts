/**
 * One connection to Massive's stream: sign-in, subscription, bars.
 *
 * @module
 */
import { FeedError, type Session } from "../live/feed.ts";
import { rejectParts } from "../live/transport/message.ts";
import { runSocket } from "../live/transport/socket.ts";
import { explainStatus, tooManyConnections } from "./errors.ts";
import type { MassiveOptions } from "./endpoint.ts";
import { readFrame, type Status } from "./frame.ts";
import { errorWithoutKey, withoutKey } from "../live/transport/key.ts";
import type { Seen } from "../live/seen.ts";
import { createSubscriptions } from "./subscriptions.ts";

/** Options of {@linkcode runStream}. */
export interface ConnectionOptions extends MassiveOptions {
  stepMs: number;
  note: Seen;
  session: Session;
}

/** Topics of one request: servers may not read ten thousand at once. */
const TOPICS_AT_ONCE = 500;
/** The close code with which Massive rejects a client, for instance after `max_connections`. */
const POLICY_VIOLATION = 1008;

/**
 * Runs a connection until it ends.
 *
 * Massive sends no heartbeats, so the stream of a quiet night is silent for hours and silence proves nothing. Instead
 * the first topic is subscribed again now and then. A subscribed topic gets no answer, but the request keeps the
 * connection alive in routers, and if the other end is gone the system notices the missing acknowledgement. (Deno
 * answers pings of the server; it cannot send any.)
 */
export async function runStream(options: ConnectionOptions): Promise<void> {
  const { session, key, channel, symbols, cooldownMs = 60_000, answerMs = 10_000, keepAliveMs = 30_000 } = options;
  const deadline = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let keepAlive: ReturnType<typeof setInterval> | undefined;
  let isSignedIn = false;
  const subscriptions = createSubscriptions(symbols, session);
  const topic = (symbol: string) => `${channel}.${symbol}`;
  const subscribed = new RegExp(`(?:^subscribed to: *|, *)${channel}\\.([^,]+)`, "g");
  const named = new RegExp(`\\b${channel}\\.(\\S*\\w)`);

  function within(ms: number, then: () => void): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      try {
        then();
      } catch (error) {
        deadline.abort(error);
      }
    }, ms);
  }
  const unanswered = (what: string) => () => {
    throw new FeedError(`Massive did not answer ${what} within ${answerMs} ms`, { reason: "silence" });
  };

  function onStatus({ status, message }: Status, send: (message: unknown) => void): void {
    const fault = explainStatus(status, message, { cooldownMs });
    if (fault !== undefined) throw fault;
    if (status === "connected") {
      within(answerMs, unanswered("the key"));
      send({ action: "auth", params: key });
    } else if (status === "auth_success") {
      isSignedIn = true;
      for (let at = 0; at < symbols.length; at += TOPICS_AT_ONCE) {
        send({ action: "subscribe", params: symbols.slice(at, at + TOPICS_AT_ONCE).map(topic).join(",") });
      }
      within(answerMs, subscriptions.conclude);
      keepAlive ??= setInterval(() => {
        for (const symbol of subscriptions.held) return send({ action: "subscribe", params: topic(symbol) });
      }, keepAliveMs);
    } else if (status === "success") {
      for (const [, symbol] of message.matchAll(subscribed)) subscriptions.accepted(symbol);
      if (isSignedIn) within(answerMs, subscriptions.conclude);
    } else if (status === "error") {
      const isRefusal = isSignedIn && /not authorized/i.test(message);
      if (isRefusal && subscriptions.refused(named.exec(message)?.[1], message)) return;
      session.reject({ ev: "status", status, message }, "error that is not documented");
    }
  }

  function onMessage(raw: string, send: (message: unknown) => void): void {
    // If the server repeats the key, it must not reach the log or the dead letters.
    const text = withoutKey(raw, key);
    const { bars, statuses, rejected } = readFrame(text, options);
    let error: unknown;
    for (const each of statuses) {
      try {
        onStatus(each, send);
      } catch (thrown) {
        error ??= thrown;
      }
    }
    // Bars beside a status that ends the connection count all the same.
    if (subscriptions.open.size > 0) { for (const { symbol } of bars) subscriptions.accepted(symbol); }
    session.emit(bars);
    rejectParts(session, text, rejected);
    if (error !== undefined) throw error;
  }

  try {
    await runSocket({
      url: options.socketUrl,
      signal: AbortSignal.any([session.signal, deadline.signal]),
      silenceMs: Infinity,
      onOpen: () => within(answerMs, unanswered("the connection")),
      onMessage,
      onClose(code, reason) {
        if (code === POLICY_VIOLATION) throw tooManyConnections(reason, cooldownMs);
      },
    });
  } catch (error) {
    throw errorWithoutKey(error, key);
  } finally {
    clearTimeout(timer);
    clearInterval(keepAlive);
  }
}
