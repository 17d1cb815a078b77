/**
 * One connection of a feed: its bars go to the pipeline, its symbols are repaired and watched.
 *
 * @module
 */
import { columnsFrom } from "../../records/build.ts";
import { createFrame, type Rejected } from "../../records/frame.ts";
import { bar, type BarStatus } from "../../records/bar.ts";
import { createSeriesDictionary } from "../../records/series_dictionary.ts";
import type { ProviderContext } from "../provider.ts";
import type { FeedAccount } from "./coverage/account.ts";
import type { FeedCoverage } from "./coverage.ts";
import { type Digest, listNames } from "./digest.ts";
import { type Feed, type FeedBar, FeedError, type Session } from "./feed.ts";
import { explainAhead, type FeedClock } from "./clock.ts";
import type { LiveBuffer } from "./transport/buffer.ts";
import { createHistoryFrame, type OnEnded } from "./history/range.ts";
import { type RepairOptions, startRepairs } from "./history/repair.ts";
import { watchForStalls } from "./stall.ts";

/** The parts that a connection uses. */
export interface ConnectionOptions
  extends Pick<RepairOptions, "share" | "reachMs" | "sweeps" | "readTable" | "noteRead"> {
  feed: Feed;
  context: ProviderContext;
  coverage: FeedCoverage;
  account: FeedAccount;
  clock: FeedClock;
  buffer: LiveBuffer;
  /** Ends the connection for good when it aborts. */
  stop: AbortSignal;
  stepMs: number;
  stallMs: number;
  repairRetryMs?: number;
  backoff: Map<string, number>;
  /** Symbols whose bars do not come, each with the reason. Outlasts connections. */
  unsubscribed: Map<string, string>;
  /** Warns the operator, once for each `key`. @default {the message} */
  warn: (message: string, key?: string) => void;
  /** Called when bars are in the journal alone. */
  onJournaled: () => void;
  /** Warns once of a fact about many symbols. */
  digest: Digest;
  /** Called when the first symbol is subscribed. */
  onLive: () => void;
}

/** How a connection went. */
export interface ConnectionEnd {
  /**
   * From the first data to the last, in milliseconds; heartbeats, acknowledgements and bars of history do not count.
   */
  readonly stableMs: number;
  readonly error: unknown;
}

/** Runs one connection; resolves when it has ended and is cleaned up. */
export async function runConnection(options: ConnectionOptions): Promise<ConnectionEnd> {
  const { feed, context, coverage, account, clock, buffer, stop, stepMs, warn, digest, unsubscribed } = options;
  const { name: provider } = feed;
  const { emit } = context;
  const connection = new AbortController();
  const signal = AbortSignal.any([connection.signal, stop]);
  const expected = new Set(feed.symbols);
  /** The state of the forming bar of each symbol: only a changed state is a sign of life. */
  const forming = new Map<string, FeedBar>();
  /** Symbols whose bars have come, or are subscribed, on this connection. */
  const begun = new Set<string>();
  let firstData = 0;
  let lastData = 0;
  let heardAt = -Infinity;
  const series = createSeriesDictionary();

  const stalls = watchForStalls({
    ...{ feed, coverage, share: options.share },
    stallMs: options.stallMs,
    vendorNow: clock.vendorNow,
    backoff: options.backoff,
    signal,
    onStall: (symbol) => connection.abort(new FeedError(`${symbol} is silent but has bars`, { reason: "stall" })),
  });
  const repairs = startRepairs({
    ...{ feed, coverage, stepMs, signal, clock: context.clock, now: clock.now, vendorNow: clock.vendorNow },
    ...{
      share: options.share,
      reachMs: options.reachMs,
      sweeps: options.sweeps,
      readTable: options.readTable,
      noteRead: options.noteRead,
      retryMs: options.repairRetryMs,
    },
    async hand(bars, asOf, onEnded) {
      const frame = createHistoryFrame(provider, bars, asOf, onEnded, clock.vendorNow() - Date.now(), series);
      await buffer.put({ ...frame, isHistory: true }, signal);
      tellOfBars("history", bars);
      emit({ type: "repaired", provider, count: bars.length });
    },
    onAnswer(track, result) {
      if (track.journaled.length > 0) options.onJournaled();
      account.answered(track, result);
    },
    onFailure(symbols, error, isFinal) {
      digest.add(
        `history ${error instanceof FeedError ? error.reason : "error"}`,
        symbols,
        (names) => `history of ${names} could not be read: ${error.message}`,
      );
      if (isFinal) account.refused(symbols.map(coverage.track));
    },
  });

  function tellOfBars(source: "live" | "history", bars: readonly FeedBar[]): void {
    const counts: Record<BarStatus, number> = { final: 0, provisional: 0, correction: 0 };
    const now = clock.now();
    let newest = -Infinity;
    for (const { status, ts } of bars) {
      counts[status]++;
      if (ts > newest && ts <= now) newest = ts;
    }
    emit({ type: "bars", provider, source, counts, newest });
  }

  /** Hands over bars of one message; `onEnded` is called with their outcome. */
  function offer(bars: readonly FeedBar[], rejected: readonly Rejected[], onEnded?: OnEnded): void {
    const receivedAt = context.clock(bars.length + rejected.length);
    const built = columnsFrom(bar, bars, series, { provider, receivedAt });
    const all = built.rejected.length === 0 ? rejected : [...rejected, ...built.rejected];
    const { columns } = built;
    if (buffer.offer(createFrame({ kind: "bar", provider, receivedAt, columns, rejected: all, onEnded }))) return;
    // None of these bars will be in the table; history has them.
    for (const { symbol, ts, status } of bars) {
      if (status !== "provisional") coverage.dropped(symbol, ts);
    }
    coverage.interrupted(heardAt);
    connection.abort(new FeedError("the pipeline is too slow for the feed", { reason: "overflow" }));
  }

  /** Records that bars of the symbols do not come, and returns the newly recorded symbols. */
  function miss(symbols: readonly string[], reason: string): readonly string[] {
    for (const symbol of symbols) {
      stalls.forget(symbol);
      repairs.hold(symbol);
      if (expected.has(symbol)) coverage.interrupted(heardAt, symbol);
    }
    const news = symbols.filter((symbol) => unsubscribed.get(symbol) !== reason);
    for (const symbol of news) unsubscribed.set(symbol, reason);
    if (news.length > 0) emit({ type: "unsubscribed", provider, symbols: news, reason });
    return news;
  }

  function hear(): void {
    lastData = performance.now();
    firstData ||= lastData;
    heardAt = Date.now();
  }

  /** Handles a finished bar. */
  function take(bar: FeedBar): void {
    const { symbol, ts } = bar;
    // A bar is as good as an answer to the subscription.
    if (!begun.has(symbol)) session.subscribed(symbol);
    clock.barEnded(symbol, ts + stepMs);
    stalls.heard(symbol, ts + stepMs);
    account.found(coverage.track(symbol), coverage.received(bar));
  }

  const session: Session = {
    signal,
    subscribed(symbol) {
      if (!expected.has(symbol)) return;
      begun.add(symbol);
      options.onLive();
      if (unsubscribed.delete(symbol)) emit({ type: "unsubscribed", provider, symbols: [symbol], reason: undefined });
      stalls.expect(symbol);
      const track = coverage.track(symbol);
      const isKnown = track.head !== undefined;
      const [from, to] = coverage.resumed(symbol);
      if (isKnown) account.found(track, [Math.max(from, Math.floor(track.heardAt / stepMs - 1) * stepMs), to - stepMs]);
      repairs.allow(symbol);
    },
    interrupted(symbol) {
      if (!expected.has(symbol)) return;
      coverage.interrupted(heardAt, symbol);
      repairs.hold(symbol);
    },
    refuse(symbol, reason) {
      miss([symbol], reason);
      warn(`${symbol} is refused: ${reason}`);
    },
    withhold(symbols, reason) {
      const news = miss(symbols.filter((symbol) => expected.has(symbol)), reason);
      if (news.length > 0) warn(`${news.length} symbols are not subscribed (${listNames(news)}): ${reason}`);
    },
    emit(all) {
      const bars: FeedBar[] = [];
      for (const bar of all) {
        const problem = expected.has(bar.symbol) ? explainAhead(bar.ts, stepMs, clock) : "symbol was not asked for";
        if (problem === undefined) bars.push(bar);
        else session.reject(bar, problem);
      }
      if (bars.length === 0) return;
      hear();
      const over = bars.filter(({ status }) => status !== "provisional");
      for (const bar of bars) {
        if (bar.status === "provisional") session.alive(bar.symbol, bar);
        else take(bar);
      }
      tellOfBars("live", bars);
      offer(bars, [], (outcome) => {
        for (const { symbol, ts } of over) coverage.acked(symbol, ts, outcome);
        if (outcome === "journaled") options.onJournaled();
        repairs.look();
      });
    },
    reject: (item, reason) => offer([], [{ item, reason }]),
    warn,
    alive(symbol, state) {
      if (!expected.has(symbol)) return;
      const known = forming.get(symbol);
      if (state !== undefined && known !== undefined && !isNews(state, known)) return;
      if (state !== undefined) forming.set(symbol, state);
      hear();
      stalls.heard(symbol);
    },
    doubt(symbol, from, to, reason) {
      if (!expected.has(symbol)) return;
      coverage.doubt(symbol, from, to, reason);
      repairs.look();
    },
    quiet(symbol, ts) {
      if (!expected.has(symbol)) return;
      coverage.quiet(symbol, ts);
      stalls.heard(symbol, ts + stepMs);
    },
  };

  let error: unknown;
  try {
    await feed.connect(session);
  } catch (thrown) {
    error = thrown;
  }
  connection.abort(error);
  coverage.interrupted(heardAt);
  await repairs.ended();
  return { stableMs: lastData - firstData, error };
}

/** Whether a state of the forming bar is newer than another, or has other values for the same bar. */
function isNews(state: FeedBar, known: FeedBar): boolean {
  if (state.ts !== known.ts) return state.ts > known.ts;
  return state.volume !== known.volume || state.close !== known.close || state.high !== known.high ||
    state.low !== known.low || state.trades !== known.trades;
}
