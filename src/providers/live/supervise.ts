/**
 * Keeps a live feed running for months: connects, notices silence, waits and connects again, and repairs from history
 * what was missed meanwhile.
 *
 * A feed is **connecting** until the first symbol is subscribed, then **live**. When its connection ends it is
 * **waiting**: for a random part of a wait that doubles with each failure up to a minute, longer where the error asks for
 * it. The wait starts small again only after ten seconds of data; an accepted connection proves nothing. After a fatal
 * error the feed has **failed** and its stream ends with that error.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { FeedState } from "../../events.ts";
import { createFrame, type Frame, type Rejected } from "../../records/frame.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { ProviderContext } from "../provider.ts";
import type { Coverage } from "./coverage.ts";
import { type Feed, type FeedBar, FeedError, type Session } from "./feed.ts";
import { createOutlet } from "./outlet.ts";
import { keepRepairing } from "./repair.ts";
import { watchForStalls } from "./stall.ts";

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
}

const MAX_BACKOFF_MS = 60_000;
/** Data for this long proves a connection, in milliseconds. */
const STABLE_MS = 10_000;

/** Runs a feed until the pipeline stops. */
export function supervise(options: SuperviseOptions): ReadableStream<Frame> {
  const { feed, context, coverage, bufferRecords = 100_000, backoffMs = 1000 } = options;
  const { tell } = context;
  const stepMs = TIMEFRAMES.get(feed.timeframe)!;
  const stop = new AbortController();
  context.stop.addEventListener("abort", () => stop.abort(context.stop.reason), { once: true });
  if (context.stop.aborted) stop.abort(context.stop.reason);
  const outlet = createOutlet(bufferRecords, (reason) => stop.abort(reason));
  const refused = new Set<string>();

  let current: FeedState | undefined;
  const enter = (state: FeedState) => {
    if (state !== current) tell({ type: "feed-state", provider: feed.name, state });
    current = state;
  };

  /** A frame of bars; `onSettled` hears of their commit. */
  function makeFrame(bars: readonly FeedBar[], rejected: readonly Rejected[], onSettled: () => void): Frame {
    const receivedAt = context.clock(bars.length + rejected.length);
    const records = bars.map((bar, at) => ({ ...bar, provider: feed.name, receivedAt: receivedAt + at }));
    return createFrame({ kind: "bar", provider: feed.name, receivedAt, records, rejected, onSettled });
  }

  /** Runs one connection, and resolves with how long its data flowed and why it ended. */
  async function runConnection(): Promise<{ stableMs: number; error: unknown }> {
    const connection = new AbortController();
    const signal = AbortSignal.any([connection.signal, stop.signal]);
    let firstData = 0;
    let lastData = 0;
    const background: Promise<void>[] = [];
    const repairs = new Map<string, AbortController>();
    const stalls = watchForStalls({
      feed,
      stallMs: options.stallMs ?? 2 * stepMs + 15_000,
      signal,
      onStall: (symbol) => connection.abort(new FeedError(`${symbol} is silent but has bars`, { reason: "stall" })),
    });

    function offer(frame: Frame): void {
      if (outlet.offer(frame)) return;
      connection.abort(new FeedError("the pipeline is too slow for the feed", { reason: "overflow" }));
    }

    const session: Session = {
      signal,
      subscribed(symbol) {
        enter("live");
        stalls.heard(symbol);
        repairs.get(symbol)?.abort();
        const own = new AbortController();
        repairs.set(symbol, own);
        const ending = AbortSignal.any([signal, own.signal]);
        const options = { feed, symbol, coverage, stepMs, signal: ending, outlet, makeFrame, tell };
        background.push(keepRepairing(options, (error) => {
          context.notice(`history of ${symbol} could not be read: ${(error as Error).message}`);
        }));
      },
      interrupted(symbol) {
        coverage.interrupt(symbol);
        // What it fetches tells nothing of what is missing now.
        repairs.get(symbol)?.abort();
      },
      refuse(symbol, reason) {
        if (!refused.has(symbol)) context.notice(`${symbol} is refused: ${reason}`);
        refused.add(symbol);
      },
      emit(bars) {
        if (bars.length === 0) return;
        firstData ||= performance.now();
        lastData = performance.now();
        for (const { symbol } of bars) stalls.heard(symbol);
        offer(makeFrame(bars, [], () => {
          // Nothing is complete beyond now, whatever a bar says.
          const now = Date.now();
          for (const { symbol, ts, status } of bars) {
            if (status !== "provisional") coverage.live(symbol, Math.min(ts + stepMs, now));
          }
        }));
      },
      reject(item, reason) {
        offer(makeFrame([], [{ item, reason }], () => {}));
      },
      alive(symbol) {
        firstData ||= performance.now();
        lastData = performance.now();
        stalls.heard(symbol);
      },
    };

    let error: unknown;
    try {
      await feed.connect(session);
    } catch (thrown) {
      error = thrown;
    }
    connection.abort(error);
    coverage.interrupt();
    await Promise.all(background);
    return { stableMs: lastData - firstData, error };
  }

  async function runFeed(): Promise<void> {
    await coverage.load(await context.newest(feed.timeframe));
    for (let failures = 0; !stop.signal.aborted;) {
      enter("connecting");
      const { stableMs, error } = await runConnection();
      if (stop.signal.aborted) break;
      if (error instanceof FeedError && error.isFatal) throw error;
      const reason = error instanceof FeedError ? error.reason : "error";
      tell({ type: "feed-lost", provider: feed.name, reason, error });
      if (stableMs >= STABLE_MS) failures = 0;
      const backoff = Math.random() * Math.min(backoffMs * 2 ** failures++, MAX_BACKOFF_MS);
      enter("waiting");
      await delay(Math.max(backoff, error instanceof FeedError ? error.cooldownMs : 0), { signal: stop.signal });
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
