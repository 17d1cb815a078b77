/**
 * One connection to Binance's streams. It consists of as many sockets as the limit of streams requires, which begin and
 * end together. The server closes each after 24 hours, which counts as a lost connection.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { createTokenBucket } from "../../pipeline/rate.ts";
import { FeedError, type Session } from "../live/feed.ts";
import type { Seen } from "../live/seen.ts";
import { runSocket } from "../live/transport/socket.ts";
import { notServed } from "./errors.ts";
import type { BinanceOptions } from "./endpoint.ts";
import { createLiveKlines } from "./live.ts";
import { createMessageReader } from "./messages.ts";

/** Options of {@linkcode runStream}. */
export interface ConnectionOptions extends BinanceOptions {
  /** Length of the timeframe, in milliseconds. */
  stepMs: number;
  /** Records finished bars. */
  note: Seen;
  /** Why the symbol does not exist; `undefined` if it does. */
  explainUnknown: (symbol: string, signal: AbortSignal) => Promise<string | undefined>;
}

/** Streams of one socket. */
const STREAMS_PER_SOCKET = 1024;
/** Streams of one request, about 4 kB. */
const STREAMS_AT_ONCE = 200;
/** A socket may receive 5 messages a second, answers to its pings included; one is left for those. */
const MESSAGES_PER_SECOND = 4;

/**
 * Runs sockets until one ends, and then ends the others.
 *
 * @throws {FeedError} At its end, always.
 */
export async function runStream(session: Session, options: ConnectionOptions): Promise<void> {
  const { symbols } = options;
  const ending = new AbortController();
  const signal = AbortSignal.any([session.signal, ending.signal]);
  /** Symbols that were not refused. */
  const left = new Set(symbols);
  function refuse(symbol: string, reason: string): void {
    left.delete(symbol);
    session.refuse(symbol, reason);
    if (left.size > 0) return;
    const message = `Binance has none of the symbols, the last one: ${reason}`;
    ending.abort(new FeedError(message, { isFatal: true, reason: "refused" }));
  }
  const runs: Promise<never>[] = [];
  for (let at = 0; at < symbols.length; at += STREAMS_PER_SOCKET) {
    runs.push(runOne(symbols.slice(at, at + STREAMS_PER_SOCKET), { ...options, session, signal, refuse, ending }));
  }
  try {
    await Promise.race(runs);
  } finally {
    ending.abort();
    await Promise.allSettled(runs);
  }
}

interface OneOptions extends ConnectionOptions {
  session: Session;
  signal: AbortSignal;
  refuse: (symbol: string, reason: string) => void;
  /** Ends all sockets. */
  ending: AbortController;
}

/** Runs one socket. It subscribes by messages, as an address with a thousand streams would be too long. */
async function runOne(symbols: readonly string[], options: OneOptions): Promise<never> {
  const { session, signal, refuse, ending, timeframe, answerMs = 10_000, keepAliveMs = 20_000 } = options;
  const bucket = createTokenBucket(MESSAGES_PER_SECOND);
  const answers = new Map<number, (problem: string | undefined) => void>();
  const klines = createLiveKlines({ ...options, symbols });
  let lastId = 0;

  /** Sends a request, and returns its problem. */
  async function ask(send: (message: unknown) => void, method: string, params: string[]): Promise<string | undefined> {
    await bucket.take(1, signal);
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    const id = ++lastId;
    answers.set(id, resolve);
    const late = () => reject(new FeedError(`Binance did not answer within ${answerMs} ms`, { reason: "silence" }));
    const timer = setTimeout(late, answerMs);
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    send({ method, params, id });
    return await promise.finally(() => {
      answers.delete(id);
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    });
  }

  /** Subscribes; a refused request is halved until the stream at fault is found. */
  async function subscribe(send: (message: unknown) => void): Promise<void> {
    const waiting: (readonly string[])[] = [];
    for (let at = 0; at < symbols.length; at += STREAMS_AT_ONCE) waiting.push(symbols.slice(at, at + STREAMS_AT_ONCE));
    for (let some = waiting.shift(); some !== undefined; some = waiting.shift()) {
      const problem = await ask(send, "SUBSCRIBE", some.map((symbol) => `${symbol.toLowerCase()}@kline_${timeframe}`));
      if (problem === undefined) { for (const symbol of some) session.subscribed(symbol); }
      else if (some.length === 1) refuse(some[0], `Binance refuses it (${problem})`);
      else waiting.unshift(some.slice(0, some.length / 2), some.slice(some.length / 2));
    }
  }

  /** The streams silently accept any name; only history knows the existing symbols. */
  async function checkSymbols(): Promise<void> {
    for (const symbol of symbols) {
      // If history cannot be asked, the next connection asks again.
      const problem = await options.explainUnknown(symbol, signal).catch(() => undefined);
      if (signal.aborted) return;
      if (problem !== undefined) refuse(symbol, problem);
    }
  }

  /** Programs cannot see the server's pings; this request is answered, so a silence is significant. */
  async function keepAlive(send: (message: unknown) => void): Promise<void> {
    while (!signal.aborted) {
      await delay(keepAliveMs, { signal });
      await bucket.take(1, signal);
      send({ method: "LIST_SUBSCRIPTIONS", id: ++lastId });
    }
  }

  const read = createMessageReader(session, {
    kline: klines.take,
    answer(id, problem) {
      const answer = answers.get(id);
      answer?.(problem);
      return answer !== undefined;
    },
  }, options.clock);

  const { pathname } = new URL(options.socketUrl);
  return await runSocket({
    url: pathname === "/" ? `${options.socketUrl}/stream` : options.socketUrl,
    signal,
    silenceMs: 3 * keepAliveMs,
    onOpen(send) {
      Promise.all([subscribe(send).then(checkSymbols), keepAlive(send)]).catch((error) => ending.abort(error));
    },
    onMessage: read,
    onRefused(status) {
      if (status === 451) throw notServed();
      // An address that connects too often is blocked for a while.
      if (status !== 429 && status !== 418 && status !== 403) return;
      const message = `Binance shuts this address out for a while (HTTP ${status})`;
      throw new FeedError(message, { cooldownMs: 5 * 60_000, reason: "banned" });
    },
  });
}
