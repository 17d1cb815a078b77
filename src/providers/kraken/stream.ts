/**
 * One connection to Kraken's WebSocket API v2.
 *
 * Each symbol is answered alone. An accepted symbol may still deliver nothing while heartbeats continue: the watch over
 * silent symbols finds that. The server closes a connection after a minute without a message of the client.
 *
 * @module
 */
import { createFormingBars, type Pace } from "../live/forming_bar.ts";
import { type FeedBar, FeedError, type Session } from "../live/feed.ts";
import { runSocket } from "../live/transport/socket.ts";
import type { KrakenOptions } from "./endpoint.ts";
import { createMessageReader } from "./messages.ts";
import { suggest } from "./symbols.ts";

/** Heartbeats come about every second, so their absence ends a connection; without any, only a long silence does. */
const SILENCE_MS = 30_000, LONG_SILENCE_MS = 10 * 60_000;
/**
 * A state comes with each trade, so the symbol's own trades give the measure of a silence. If trades were independent,
 * one minute in 20,000 would end with ten times their average distance by chance.
 */
const PACE: Pace = { quietMs: 15_000, times: 10 };
/** Symbols of one request: servers may not read thousands in one. */
const SYMBOLS_AT_ONCE = 100;

/**
 * Runs a connection until it ends.
 *
 * @throws {FeedError} At its end, always.
 */
export async function runStream(session: Session, options: KrakenOptions): Promise<void> {
  const { symbols, stepMs, closeAfterMs = 4_000, provisional, answerMs = 15_000, pingEveryMs = 20_000 } = options;
  const formingBars = createFormingBars({
    ...{ stepMs, closeAfterMs, provisional },
    pace: PACE,
    emit: session.emit,
    doubt: (symbol, from, to) => session.doubt(symbol, from, to, "partial"),
  });
  const ending = new AbortController();
  /** Symbols without an answer, and accepted ones. */
  const open = new Set(symbols);
  const held = new Set<string>();
  let lastReason = "no reason given";
  let hasBeat = false;
  let ping: ReturnType<typeof setInterval> | undefined;

  const answering = setTimeout(() => {
    if (held.size === 0) {
      return ending.abort(new FeedError(`Kraken did not answer within ${answerMs} ms`, { reason: "silence" }));
    }
    // The watch over silent symbols finds out whether their bars come.
    for (const symbol of open) accept(symbol);
  }, answerMs);

  function accept(symbol: string): void {
    open.delete(symbol);
    held.add(symbol);
    session.subscribed(symbol);
  }
  function refuse(symbol: string, reason: string): void {
    open.delete(symbol);
    const spelled = suggest(symbol);
    lastReason = spelled === undefined || spelled === symbol ? reason : `${reason}, try ${spelled}`;
    session.refuse(symbol, lastReason);
    if (open.size > 0 || held.size > 0) return;
    const isFatal = /not supported/i.test(reason);
    throw new FeedError(`Kraken refuses all symbols, the last one: ${lastReason}`, { isFatal, reason: "refused" });
  }

  const read = createMessageReader(session, options, {
    bars(bars, isSnapshot) {
      // A bar is as good as an answer.
      for (const { symbol } of bars) if (open.has(symbol)) accept(symbol);
      if (!isSnapshot) return bars.forEach(formingBars.update);
      // All but the newest of each symbol have ended, and need not be consecutive.
      const newest = new Map<string, FeedBar>();
      for (const bar of bars) if (bar.ts >= (newest.get(bar.symbol)?.ts ?? -Infinity)) newest.set(bar.symbol, bar);
      formingBars.finished(bars.filter((bar) => newest.get(bar.symbol) !== bar).toSorted((a, b) => a.ts - b.ts));
      for (const bar of newest.values()) formingBars.update(bar);
    },
    accepted: (symbol) => held.has(symbol) ? undefined : accept(symbol),
    refused: (symbol, reason) => held.has(symbol) ? undefined : refuse(symbol, reason),
    beat: () => void (hasBeat = true),
  });

  try {
    await runSocket({
      url: options.socketUrl,
      signal: AbortSignal.any([session.signal, ending.signal]),
      silenceMs: () => hasBeat ? SILENCE_MS : LONG_SILENCE_MS,
      onOpen(send) {
        for (let at = 0; at < symbols.length; at += SYMBOLS_AT_ONCE) {
          const symbol = symbols.slice(at, at + SYMBOLS_AT_ONCE);
          const params = { channel: "ohlc", symbol, interval: stepMs / 60_000, snapshot: true };
          send({ method: "subscribe", params, req_id: 1 + at / SYMBOLS_AT_ONCE });
        }
        ping = setInterval(() => send({ method: "ping" }), pingEveryMs);
      },
      onMessage: read,
      onRefused(status) {
        // An address that connects too often, 150 times in ten minutes, is blocked for a while.
        if (status !== 429 && status !== 403) return;
        const message = `Kraken shuts this address out for a while (HTTP ${status})`;
        throw new FeedError(message, { cooldownMs: 10 * 60_000, reason: "banned" });
      },
    });
  } finally {
    clearTimeout(answering);
    clearInterval(ping);
    formingBars.stop();
  }
}
