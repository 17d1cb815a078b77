/**
 * A feed whose connections and history a test has in its hands, under supervision.
 *
 * @module
 */
import type { CoverageStore } from "../../src/coverage/store.ts";
import type { PipelineEvent } from "../../src/events.ts";
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import { calendarOf } from "../../src/providers/mod.ts";
import type { FeedCoverage } from "../../src/providers/live/coverage.ts";
import type { Feed, FeedBar, Session } from "../../src/providers/live/feed.ts";
import type { ProviderContext } from "../../src/providers/provider.ts";
import { supervise, type SuperviseOptions } from "../../src/providers/live/supervise.ts";
import type { Bar } from "../../src/records/bar.ts";
import { type FinalOutcome, type Frame, frameSize } from "../../src/records/frame.ts";
import { createContext } from "../providers/conformance.ts";
import { confirmedUntil, keepIn, memoryCoverage } from "./coverage.ts";
import { makeDirectory } from "./providers.ts";
import { recordsOf } from "./frames.ts";

export const MINUTE = 60_000;
/** Half a minute into a minute, while US stocks trade. */
export const NOW = Date.UTC(2024, 0, 3, 18, 30, 30);
/** Start of the bar under way at {@linkcode NOW}. */
export const BAR = NOW - 30_000;

/** A bar so many minutes before the one under way at {@linkcode NOW}. */
export function barBefore(minutes: number, symbol = "BTC/USD"): FeedBar {
  const prices = { open: 2, high: 4, low: 1, close: 3, volume: 1 };
  return { symbol, timeframe: "1m", ts: BAR - minutes * MINUTE, ...prices, status: "final" };
}

/** A question to history. */
export interface Asked {
  readonly symbols: readonly string[];
  /** Minutes before the bar under way. */
  readonly from: number;
  readonly to: number;
}

/** What a test says of its feed. */
export interface Script extends Partial<Feed> {
  /** Pages that answer a question. @default {none} */
  answer?: (asked: Asked, signal: AbortSignal) => Iterable<readonly FeedBar[]> | AsyncIterable<readonly FeedBar[]>;
  /** Up to where each symbol is committed, in minutes before the bar under way. */
  newest?: Record<string, number>;
  options?: Partial<SuperviseOptions>;
  /** What a frame that was read waits for before it is settled, and the next one read. @default {nothing} */
  commit?: () => Promise<void>;
  /** Outcome of each frame. @default {"committed"} */
  outcome?: (frame: Frame) => FinalOutcome;
  /** Resolves when the journal is drained: with whether the table has all of it. */
  drained?: ProviderContext["drained"];
  /** Which bars are stored. */
  starts?: CoverageStore["starts"];
  /** What others have changed in the store. */
  news?: CoverageStore["news"];
}

/** One connection. */
export interface ScriptedConnection {
  readonly session: Session;
  /** Ends it with that error. */
  end(error: unknown): void;
}

/** Runs the feed under supervision. */
export async function runScripted(
  { answer, newest = {}, options, commit = () => Promise.resolve(), outcome, drained, starts, news, ...given }: Script,
) {
  const directory = await makeDirectory();
  const connections: ScriptedConnection[] = [];
  let connected = Promise.withResolvers<void>();
  const asked: Asked[] = [];
  const bars: Bar[] = [];
  const rejected: string[] = [];
  const events: PipelineEvent[] = [];
  const context = createContext();
  const feed: Feed = {
    name: "kraken",
    symbols: Object.keys(newest),
    timeframe: "1m",
    calendar: (symbol) => calendarOf(given.name ?? "kraken", symbol),
    bucket: createTokenBucket(Infinity),
    connect(session) {
      return new Promise((_, reject) => {
        session.signal.addEventListener("abort", () => reject(session.signal.reason), { once: true });
        connections.push({ session, end: reject });
        connected.resolve();
        connected = Promise.withResolvers();
      });
    },
    async *history(symbols, from, to, signal) {
      const question = { symbols, from: (BAR - from) / MINUTE, to: (BAR - to) / MINUTE };
      asked.push(question);
      yield* answer?.(question, signal) ?? [];
    },
    ...given,
  };
  // What is confirmed ends where the test says.
  const ends = new Map(Object.entries(newest).map(([symbol, minutes]) => [symbol, BAR - minutes * MINUTE]));
  const store = { ...memoryCoverage(confirmedUntil(ends), starts), news };
  const keeper = keepIn(store, feed.name, { isConfirmed: feed.isConfirmed === true });
  let coverage: FeedCoverage | undefined;
  const stream = supervise({
    feed,
    context: { ...context, emit: (event) => void events.push(event), coverage: store, drained },
    keeper,
    backoffMs: 1000,
    onCoverage: (opened) => void (coverage = opened),
    ...options,
  });
  async function read(): Promise<void> {
    for await (const frame of stream) {
      bars.push(...recordsOf(frame));
      rejected.push(...frame.rejected.map(({ reason }) => reason));
      await commit();
      frame.ack(outcome?.(frame) ?? "committed", frameSize(frame));
    }
  }
  const reading = read().then(() => undefined, (error) => error);
  /** The connection with that number, from 0. */
  async function connection(at: number): Promise<ScriptedConnection> {
    while (connections.length <= at) await connected.promise;
    return connections[at];
  }
  await connection(0);
  return {
    connection,
    feed,
    store,
    connections,
    asked,
    bars,
    rejected,
    events,
    notices: context.notices,
    /** Why it ended; `undefined` where it simply has. */
    reading,
    /** What is known of a symbol at the moment. */
    track: (symbol: string) => coverage?.track(symbol).coverage,
    /** Sums of what was told of gaps. */
    gaps() {
      const sums = { found: 0, repaired: 0, unrepairable: 0 };
      for (const event of events) if (event.type === "gap") sums[event.outcome] += event.minutes;
      return sums;
    },
    losses: () => events.flatMap((event) => event.type === "feed-lost" ? [event.reason] : []),
    async stop() {
      context.stopping.abort();
      await reading;
      keeper.stop();
      await keeper.save();
      await directory[Symbol.asyncDispose]();
    },
  };
}
