/**
 * Keeps a live feed running for months: connects, notices silence, waits and connects again, and repairs from history
 * what was missed meanwhile.
 *
 * A feed is **connecting** until the first symbol is subscribed, then **live**. When its connection ends it is
 * **waiting**: for a random part of a wait that doubles with each failure up to a minute, and before that as long as the
 * error asks for. The wait starts small again only after ten seconds of data; an accepted connection proves nothing. After
 * a fatal error the feed has **failed** and its stream ends with that error.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { FeedState } from "../../events.ts";
import { LATE_CREDIT } from "../../pipeline/late.ts";
import type { Frame } from "../../records/frame.ts";
import { formatTime } from "../../records/time.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { ProviderContext } from "../provider.ts";
import { runConnection } from "./connection.ts";
import type { Coverage } from "./coverage.ts";
import { type Feed, FeedError } from "./feed.ts";
import { createGaps } from "./gaps.ts";
import { createOutlet } from "./outlet.ts";

/** How to supervise. */
export interface SuperviseOptions {
  feed: Feed;
  context: ProviderContext;
  coverage: Coverage;
  /** Records held while the pipeline is slow; then the connection is dropped and history repairs. @default {100000} */
  bufferRecords?: number;
  /** First wait between connections, in milliseconds. @default {1000} */
  backoffMs?: number;
  /** Silence of a symbol that is looked into, in milliseconds. @default {2 timeframes and 15 s} */
  stallMs?: number;
  /** First wait before history that could not be read is asked for again, in milliseconds. @default {30000} */
  repairRetryMs?: number;
}

const MAX_BACKOFF_MS = 60_000;
/** Data for this long proves a connection, in milliseconds. */
const STABLE_MS = 10_000;
/** Messages that are remembered, so that people are told once. */
const MAX_TOLD = 10_000;

/** Runs a feed until the pipeline stops. */
export function supervise(options: SuperviseOptions): ReadableStream<Frame> {
  const { feed, context, coverage, bufferRecords = 100_000, backoffMs = 1000 } = options;
  const { tell } = context;
  const stepMs = TIMEFRAMES.get(feed.timeframe)!;
  const stop = new AbortController();
  context.stop.addEventListener("abort", () => stop.abort(context.stop.reason), { once: true });
  if (context.stop.aborted) stop.abort(context.stop.reason);
  const outlet = createOutlet(bufferRecords, (reason) => stop.abort(reason), LATE_CREDIT);

  let current: FeedState | undefined;
  const enter = (state: FeedState) => {
    if (state !== current) tell({ type: "feed-state", provider: feed.name, state });
    current = state;
  };
  const told = new Set<string>();
  function notice(message: string, key = message): void {
    if (told.has(key)) return;
    if (told.size >= MAX_TOLD) told.clear();
    told.add(key);
    context.notice(message);
  }
  const gaps = createGaps(feed, tell, (symbol, from, to) => {
    notice(`bars of ${symbol} from ${formatTime(from)} to ${formatTime(to)} are lost: history no longer has them`);
  });
  const patience = new Map<string, number>();
  const unsubscribed = new Map<string, string>();

  async function runFeed(): Promise<void> {
    const known = context.frontiers ?? context.shared?.(`${feed.name} ${feed.timeframe}`);
    await coverage.load(await context.newest(feed.timeframe), known);
    for (let failures = 0; !stop.signal.aborted;) {
      enter("connecting");
      const { stableMs, error } = await runConnection({
        feed,
        context,
        coverage,
        gaps,
        outlet,
        stop: stop.signal,
        stepMs,
        stallMs: options.stallMs ?? 2 * stepMs + 15_000,
        repairRetryMs: options.repairRetryMs,
        patience,
        unsubscribed,
        notice,
        onLive: () => enter("live"),
      });
      if (stop.signal.aborted) break;
      if (error instanceof FeedError && error.isFatal) throw error;
      const reason = error instanceof FeedError ? error.reason : "error";
      tell({ type: "feed-lost", provider: feed.name, reason, error });
      if (stableMs >= STABLE_MS) failures = 0;
      const cooldownMs = error instanceof FeedError ? error.cooldownMs : 0;
      const waitMs = Math.random() * Math.min(backoffMs * 2 ** failures++, MAX_BACKOFF_MS);
      enter("waiting");
      await delay(cooldownMs + waitMs, { signal: stop.signal });
      await outlet.drained(stop.signal);
    }
  }

  runFeed().then(
    () => enter("ended"),
    (error) => {
      if (stop.signal.aborted) return enter("ended");
      enter("failed");
      outlet.end(error);
    },
  ).finally(() => outlet.end());
  return outlet.stream;
}
