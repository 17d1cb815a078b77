/**
 * Keeps a live feed running for months: connects, notices silence, waits and connects again, and fetches missed bars
 * from history.
 *
 * A feed is **connecting** until the first symbol is subscribed, then **live**. When its connection ends it is
 * **waiting**: first as long as the error requires, then for a random part of a wait that doubles with each failure up
 * to a minute. Only ten seconds of data make the wait short again; an accepted connection proves nothing. After a fatal
 * error the feed has **failed** and its stream ends with that error.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { FeedState } from "../../events.ts";
import { LATE_CREDIT } from "../../pipeline/late.ts";
import type { Frame } from "../../records/frame.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { ProviderContext } from "../provider.ts";
import { runConnection } from "./connection.ts";
import { createFeedAccount } from "./coverage/account.ts";
import { createFeedClock } from "./clock.ts";
import { createClockWatch } from "./clock_watch.ts";
import { createFeedCoverage, type FeedCoverage } from "./coverage.ts";
import type { CoverageKeeper } from "./coverage/keeper.ts";
import { createDigest } from "./digest.ts";
import { type Feed, FeedError } from "./feed.ts";
import { type JournalWatch, watchJournal } from "./coverage/journaled.ts";
import { createLiveBuffer } from "./transport/buffer.ts";
import { createSessionWatch } from "./coverage/session_end.ts";
import { createShare } from "./history/share.ts";

/** Options of {@linkcode supervise}. */
export interface SuperviseOptions {
  feed: Feed;
  context: ProviderContext;
  keeper: CoverageKeeper;
  /** Called with the coverage and its watch over the journal, once they exist. */
  onCoverage?: (coverage: FeedCoverage, journal: JournalWatch) => void;
  /** The share of the account's requests for repairs that are not urgent, from 0 to 1. @default {0.1} */
  repairShare?: number;
  /**
   * Whether history is asked about symbols that trade rarely. If it has to confirm each bar, it always is.
   *
   * @default {true}
   */
  sweeps?: boolean;
  /** Most requests for repairs a day. @default {Infinity} */
  repairsPerDay?: number;
  /** How far back repairs reach, in milliseconds. @default {30 days} */
  reachMs?: number;
  /**
   * Most records to hold while the pipeline is slow; beyond that the connection is dropped and history repairs.
   * @default {100000}
   */
  bufferRecords?: number;
  /** First wait between connections, in milliseconds. @default {1000} */
  backoffMs?: number;
  /** Silence of a symbol that causes a question, in milliseconds. @default {2 timeframes and 15 s} */
  stallMs?: number;
  /** First wait before a failed request for history is repeated, in milliseconds. @default {30000} */
  repairRetryMs?: number;
}

const MAX_BACKOFF_MS = 60_000;
/** The share of the requests if history has to confirm each bar. */
const CONFIRMED_SHARE = 0.5;
const REACH_MS = 30 * 24 * 60 * 60_000;
/** Time between reports of doubts, and between looks at the clock, in milliseconds. */
const TELLING_MS = 5_000;
/** Duration of data that proves a connection, in milliseconds. */
const STABLE_MS = 10_000;
/** Most messages to remember, so that each is printed once. */
const MAX_TOLD = 10_000;

/** Runs a feed until the pipeline stops. */
export function supervise(options: SuperviseOptions): ReadableStream<Frame> {
  const { feed, context, keeper, bufferRecords = 100_000, backoffMs = 1000 } = options;
  const { emit } = context;
  const stepMs = TIMEFRAMES.get(feed.timeframe)!;
  const stop = new AbortController();
  context.stop.addEventListener("abort", () => stop.abort(context.stop.reason), { once: true });
  if (context.stop.aborted) stop.abort(context.stop.reason);
  const buffer = createLiveBuffer(bufferRecords, (reason) => stop.abort(reason), LATE_CREDIT);

  let current: FeedState | undefined;
  const enter = (state: FeedState) => {
    if (state !== current) emit({ type: "feed-state", provider: feed.name, state });
    current = state;
  };
  const told = new Set<string>();
  function warn(message: string, key = message): void {
    if (told.has(key)) return;
    if (told.size >= MAX_TOLD) told.clear();
    told.add(key);
    context.warn(message);
  }
  const account = createFeedAccount(feed.name, emit, warn, feed.symbols.length);
  const digest = createDigest(context.warn);
  const clock = feed.clock ?? createFeedClock(stepMs);
  const startedAt = performance.now();
  const part = Math.max(options.repairShare ?? 0.1, feed.isConfirmed ? CONFIRMED_SHARE : 0);
  const share = createShare({
    perSecond: () => feed.repairsPerSecond ?? feed.bucket.perSecond,
    part: () => part,
    perDay: options.repairsPerDay,
  });
  const backoff = new Map<string, number>();
  const unsubscribed = new Map<string, string>();
  let telling: ReturnType<typeof setInterval> | undefined;

  async function openCoverage(): Promise<FeedCoverage> {
    const peers = await context.peers?.() ?? new Map();
    const coverage = createFeedCoverage({
      ...{ calendar: feed.calendar?.bind(feed), symbols: feed.symbols, stepMs, keeper },
      ...{ now: clock.now, vendorNow: clock.vendorNow, startedAt },
      isConfirmed: feed.isConfirmed === true,
      correctionMs: feed.correctionMs ?? 0,
      lagMs: () => feed.historyLagMs ?? 0,
      peers,
    });
    await keeper.load(await context.newest(feed.timeframe), coverage, peers);
    const watchClock = createClockWatch({ ...{ provider: feed.name, clock, coverage, emit }, warn: context.warn });
    const watchSessions = createSessionWatch({ symbols: feed.symbols, coverage, now: clock.now });
    telling = setInterval(() => {
      watchClock();
      watchSessions();
      digest.flush();
      account.emitDoubts(coverage, feed.historyLagMs ?? 0);
    }, TELLING_MS);
    return coverage;
  }

  /** Reads the stored bars, if the table can be read. */
  const starts = context.coverage?.starts?.bind(context.coverage);
  const owner = { provider: feed.name, timeframe: feed.timeframe };

  async function runFeed(): Promise<void> {
    const coverage = await openCoverage();
    const journal = watchJournal(coverage, context.drained, stop.signal);
    options.onCoverage?.(coverage, journal);
    await runConnections(coverage, journal).finally(coverage.ended);
  }

  async function runConnections(coverage: FeedCoverage, journal: JournalWatch): Promise<void> {
    for (let failures = 0; !stop.signal.aborted;) {
      enter("connecting");
      const { stableMs, error } = await runConnection({
        ...{ feed, context, coverage, account, clock, buffer, share, stop: stop.signal, stepMs },
        reachMs: options.reachMs ?? REACH_MS,
        sweeps: (options.sweeps ?? true) || feed.isConfirmed === true,
        readTable: starts && ((ranges, signal) => starts(owner, ranges, signal)),
        noteRead: context.reads?.begin.bind(undefined, owner),
        stallMs: options.stallMs ?? 2 * stepMs + 15_000,
        repairRetryMs: options.repairRetryMs,
        backoff,
        unsubscribed,
        warn,
        onJournaled: journal.follow,
        digest,
        onLive: () => enter("live"),
      });
      if (stop.signal.aborted) break;
      if (error instanceof FeedError && error.isFatal) throw error;
      const reason = error instanceof FeedError ? error.reason : "error";
      emit({ type: "feed-lost", provider: feed.name, reason, error });
      if (stableMs >= STABLE_MS) failures = 0;
      const cooldownMs = error instanceof FeedError ? error.cooldownMs : 0;
      const waitMs = Math.random() * Math.min(backoffMs * 2 ** failures++, MAX_BACKOFF_MS);
      enter("waiting");
      await delay(cooldownMs + waitMs, { signal: stop.signal });
      await buffer.drained(stop.signal);
    }
  }

  runFeed().then(
    () => enter("ended"),
    (error) => {
      if (stop.signal.aborted) return enter("ended");
      enter("failed");
      buffer.end(error);
    },
  ).finally(() => {
    clearInterval(telling);
    digest.flush(true);
    keeper.stop();
    buffer.end();
  });
  return buffer.stream;
}
