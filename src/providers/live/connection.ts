/**
 * One connection of a feed: its bars go to the pipeline, its symbols are repaired and watched.
 *
 * @module
 */
import { createFrame, type Rejected } from "../../records/frame.ts";
import type { BarStatus } from "../../records/bar.ts";
import type { ProviderContext } from "../provider.ts";
import { startConfirmations } from "./confirm.ts";
import type { Coverage } from "./coverage.ts";
import { type Feed, type FeedBar, FeedError, type Session } from "./feed.ts";
import type { Gaps } from "./gaps.ts";
import type { Outlet } from "./outlet.ts";
import { createHistoryFrame } from "./range.ts";
import { startRepairs } from "./repair.ts";
import { watchForStalls } from "./stall.ts";

/** What a connection works with. */
export interface ConnectionOptions {
  feed: Feed;
  context: ProviderContext;
  coverage: Coverage;
  gaps: Gaps;
  outlet: Outlet;
  /** Ends the connection for good. */
  stop: AbortSignal;
  stepMs: number;
  stallMs: number;
  repairRetryMs?: number;
  patience: Map<string, number>;
  /** Symbols whose bars do not come, each with why. Outlasts connections. */
  unsubscribed: Map<string, string>;
  /** Tells people something, once for each `key`. @default {the message} */
  notice: (message: string, key?: string) => void;
  /** Told when the first symbol is subscribed. */
  onLive: () => void;
}

/** How a connection went. */
export interface ConnectionEnd {
  /** From the first data to the last, in milliseconds; heartbeats, acknowledgements and bars of history are no data. */
  readonly stableMs: number;
  readonly error: unknown;
}

/** Symbols that a message names. */
const NAMED = 5;

/** Runs one connection, and resolves when it has ended and nothing of it is left. */
export async function runConnection(options: ConnectionOptions): Promise<ConnectionEnd> {
  const { feed, context, coverage, gaps, outlet, stop, stepMs, notice, unsubscribed } = options;
  const { name: provider } = feed;
  const { tell } = context;
  const connection = new AbortController();
  const signal = AbortSignal.any([connection.signal, stop]);
  const wanted = new Set(feed.symbols);
  let firstData = 0;
  let lastData = 0;
  let heardAt = -Infinity;

  const stalls = watchForStalls({
    feed,
    stallMs: options.stallMs,
    patience: options.patience,
    signal,
    onStall: (symbol) => connection.abort(new FeedError(`${symbol} is silent but has bars`, { reason: "stall" })),
  });
  const repairs = startRepairs({
    feed,
    coverage,
    gaps,
    stepMs,
    signal,
    clock: context.clock,
    retryMs: options.repairRetryMs,
    async hand(bars, asOf, onSettled) {
      await outlet.put({ ...createHistoryFrame(provider, bars, asOf, onSettled), isHistory: true }, signal);
      tellOfBars("history", bars);
      tell({ type: "repaired", provider, count: bars.length });
    },
    onFailure(symbols, error) {
      const names = listNames(symbols);
      notice(`history of ${names} could not be read: ${error.message}`, `history of ${names}`);
    },
  });

  const confirmations = feed.isConfirmed
    ? startConfirmations({
      feed,
      stepMs,
      signal,
      clock: context.clock,
      async hand(bars, asOf) {
        await outlet.put({ ...createHistoryFrame(provider, bars, asOf, () => {}), isHistory: true }, signal);
        tellOfBars("history", bars);
      },
    })
    : undefined;

  function tellOfBars(source: "live" | "history", bars: readonly FeedBar[]): void {
    const counts: Record<BarStatus, number> = { final: 0, provisional: 0, correction: 0 };
    const now = Date.now();
    let newest = -Infinity;
    for (const { status, ts } of bars) {
      counts[status]++;
      if (ts > newest && ts <= now) newest = ts;
    }
    tell({ type: "bars", provider, source, counts, newest });
  }

  /** Hands over bars of one message; `onSettled` hears of their commit. */
  function offer(bars: readonly FeedBar[], rejected: readonly Rejected[], onSettled?: () => void): void {
    const receivedAt = context.clock(bars.length + rejected.length);
    const records = bars.map((bar, at) => ({ ...bar, provider, receivedAt: receivedAt + at }));
    if (outlet.offer(createFrame({ kind: "bar", provider, receivedAt, records, rejected, onSettled }))) return;
    // What follows on this connection must not hide that something is missing.
    coverage.interrupt(heardAt);
    connection.abort(new FeedError("the pipeline is too slow for the feed", { reason: "overflow" }));
  }

  /** Notes that bars of the symbols do not come, and gives those of which that was not known. */
  function miss(symbols: readonly string[], reason: string): readonly string[] {
    for (const symbol of symbols) {
      stalls.forget(symbol);
      repairs.cancel(symbol);
      coverage.interrupt(heardAt, symbol);
    }
    const news = symbols.filter((symbol) => unsubscribed.get(symbol) !== reason);
    for (const symbol of news) unsubscribed.set(symbol, reason);
    if (news.length > 0) tell({ type: "unsubscribed", provider, symbols: news, reason });
    return news;
  }

  /** Notes that data of the symbol came, and all of its bars that start before `until`. */
  function hear(symbol: string, until?: number): void {
    lastData = performance.now();
    firstData ||= lastData;
    heardAt = Date.now();
    stalls.heard(symbol, until);
  }

  const session: Session = {
    signal,
    subscribed(symbol) {
      if (!wanted.has(symbol)) return;
      options.onLive();
      if (unsubscribed.delete(symbol)) tell({ type: "unsubscribed", provider, symbols: [symbol], reason: undefined });
      stalls.expect(symbol);
      repairs.begin(symbol);
    },
    interrupted(symbol) {
      coverage.interrupt(heardAt, symbol);
      repairs.cancel(symbol);
    },
    doubt(symbol) {
      if (!wanted.has(symbol) || unsubscribed.has(symbol)) return;
      coverage.interrupt(heardAt, symbol);
      repairs.begin(symbol);
    },
    refuse(symbol, reason) {
      miss([symbol], reason);
      notice(`${symbol} is refused: ${reason}`);
    },
    withhold(symbols, reason) {
      const news = miss(symbols.filter((symbol) => wanted.has(symbol)), reason);
      if (news.length > 0) notice(`${news.length} symbols are not subscribed (${listNames(news)}): ${reason}`);
    },
    emit(all) {
      const bars = all.filter(({ symbol }) => wanted.has(symbol));
      for (const bar of all) if (!wanted.has(bar.symbol)) session.reject(bar, "symbol was not asked for");
      if (bars.length === 0) return;
      confirmations?.add(bars.filter(({ status }) => status !== "provisional"));
      for (const { symbol, ts, status } of bars) hear(symbol, status === "provisional" ? undefined : ts + stepMs);
      tellOfBars("live", bars);
      offer(bars, [], () => {
        // Nothing is complete beyond now, whatever a bar says.
        const now = Date.now();
        for (const { symbol, ts, status } of bars) {
          if (status !== "provisional") coverage.live(symbol, Math.min(ts + stepMs, now));
        }
      });
    },
    reject: (item, reason) => offer([], [{ item, reason }]),
    notice,
    alive(symbol) {
      if (wanted.has(symbol)) hear(symbol);
    },
  };

  let error: unknown;
  try {
    await feed.connect(session);
  } catch (thrown) {
    error = thrown;
  }
  connection.abort(error);
  coverage.interrupt(heardAt);
  await repairs.ended();
  await confirmations?.ended();
  return { stableMs: lastData - firstData, error };
}

function listNames(symbols: readonly string[]): string {
  const rest = symbols.length - NAMED;
  return symbols.slice(0, NAMED).join(", ") + (rest > 0 ? ` and ${rest} others` : "");
}
