/**
 * Reads bars of history from TWS.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { FeedClock } from "../live/clock.ts";
import { type FeedBar, FeedError } from "../live/feed.ts";
import { BAR_SIZES, formatEnd, isOver, oldestStart, type RawBar, readBar, readDate } from "./bars.ts";
import type { Capacity } from "./capacity.ts";
import { classify, isPermission } from "./codes.ts";
import type { Connection } from "./connection.ts";
import type { CallOutcome } from "../live/transport/rest.ts";
import { createRowReader } from "../live/transport/rows.ts";
import type { Listing } from "./contract.ts";
import { type Duration, durationOf, longestDuration, surestDuration } from "./durations.ts";
import type { Pacing } from "./pacing.ts";

/** Options of {@linkcode readHistory}. */
export interface HistoryOptions {
  connection: Connection;
  listing: Listing;
  timeframe: string;
  clock: FeedClock;
  pacing: Pacing;
  capacity: Capacity;
  signal: AbortSignal;
  /** Longest wait for an answer, in milliseconds. */
  requestTimeoutMs: number;
  /** First wait after a refusal for too many requests, in milliseconds; doubles. */
  retryMs: number;
  /** Called before each request. */
  onRequest?: () => void;
  /** Called with the outcome of each request. */
  onCall?: (outcome: CallOutcome) => void;
}

const ATTEMPTS = 6;
const MAX_RETRY_MS = 5 * 60_000;
/** Most answers that are read before their bars are handed over: each is a year of days, or some thousand bars. */
const ANSWERS_A_CHUNK = 10;

/**
 * Finished bars from `from` to before `to` (epoch ms), chunk by chunk.
 *
 * TWS counts durations backwards in trading days, so only the first bar of an answer shows how far back it reaches. A
 * chunk is read backwards, each request ending where the last answer begins, and is handed over in order.
 */
export async function* readHistory(
  options: HistoryOptions,
  from: number,
  to: number,
): AsyncGenerator<readonly FeedBar[]> {
  const stepMs = TIMEFRAMES.get(options.timeframe)!;
  const { listing, timeframe, clock } = options;
  const signal = AbortSignal.any([options.signal, options.connection.signal]);
  const reader = createRowReader((raw) => readBar(raw as RawBar, listing, timeframe, clock));
  const chunkMs = longestDuration(stepMs).reachMs * ANSWERS_A_CHUNK;
  for (let start = Math.max(from, oldestStart(stepMs) ?? from); start < to;) {
    const end = Math.min(start + chunkMs, to);
    const parts: FeedBar[][] = [];
    for await (const { rows, before } of readBack({ ...options, signal }, start, end)) {
      const bars = reader.read(listing.symbol, rows);
      // TWS rounds durations up, and to trading days.
      parts.push(bars.filter((bar) => bar.ts >= start && bar.ts < before && isOver(bar, clock)));
    }
    yield parts.reverse().flat();
    start = end;
  }
  reader.finish();
}

/** Reads answers that together cover the time from `start` to `end`, latest first; their bars before `before` count. */
async function* readBack(
  options: HistoryOptions,
  start: number,
  end: number,
): AsyncGenerator<{ rows: RawBar[]; before: number }> {
  const stepMs = TIMEFRAMES.get(options.timeframe)!;
  // Bars of more than a minute begin with their session: a bar cut in two by the end would be partial.
  const leadMs = stepMs > 60_000 ? stepMs : 0;
  let surer: Duration | undefined;
  for (let before = end; before > start;) {
    const duration = surer ?? durationOf(before + leadMs - start, stepMs);
    const rows = await readPage(options, duration.text, formatEnd(before + leadMs));
    yield { rows, before };
    const first = Math.min(...rows.map(({ date }) => readDate(date)).filter((ts) => ts < before));
    const isUnsure = first === Infinity && duration.sureMs === 0;
    // A closed market stays with the surer duration.
    if (first < before) surer = undefined;
    else if (isUnsure) surer = surestDuration(stepMs);
    if (isUnsure) continue;
    // If bars came, only seconds, which follow the clock, prove the time before the first.
    const isSure = first === Infinity || duration.reachMs === duration.sureMs;
    before = Math.min(first, isSure ? before + leadMs - duration.sureMs : Infinity);
  }
}

/** Asks for a page until it comes, as long as asking again may help. */
async function readPage(options: HistoryOptions, duration: string, end: string): Promise<RawBar[]> {
  const { listing, signal, retryMs } = options;
  let last = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) {
      const wait = Math.min(retryMs * 2 ** (attempt - 1), MAX_RETRY_MS);
      await delay(wait * (1 + Math.random() / 4), { signal });
    }
    const answer = await takeAndAsk(options, duration, end);
    const verdict = Array.isArray(answer) ? "empty" : classify(answer.code, answer.text);
    const isPaced = !Array.isArray(answer) && (answer.code === 100 || /pacing/i.test(answer.text));
    const isTooMuch = verdict === "full" || isPaced;
    options.onCall?.(verdict === "empty" ? "ok" : isTooMuch ? "throttled" : "error");
    if (Array.isArray(answer)) return answer;
    if (verdict === "empty") return [];
    last = `${answer.text} (code ${answer.code})`;
    if (verdict === "refused") {
      const reason = isPermission(answer.code, answer.text) ? "entitlement" : "refused";
      throw new FeedError(`TWS gives no history of ${listing.symbol}: ${last}`, { reason });
    }
  }
  throw new FeedError(`TWS gave no history of ${listing.symbol}: ${last}`, { reason: "history" });
}

/** Asks once, when a request is free and its turn has come. */
async function takeAndAsk(options: HistoryOptions, duration: string, end: string): ReturnType<typeof ask> {
  const { pacing, capacity, signal } = options;
  const release = await capacity.takeRequest(signal);
  try {
    await pacing.take(signal);
    options.onRequest?.();
    const answer = await ask(options, duration, end);
    if (!Array.isArray(answer) && classify(answer.code, answer.text) === "full") capacity.refused("request");
    return answer;
  } finally {
    release();
  }
}

/** Asks once. */
function ask(
  options: HistoryOptions,
  duration: string,
  end: string,
): Promise<RawBar[] | { code: number; text: string }> {
  const { connection, listing, timeframe, signal, requestTimeoutMs } = options;
  return new Promise((resolve, reject) => {
    const bars: RawBar[] = [];
    function finish(settle: () => void): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      cancel();
      settle();
    }
    const abort = () => finish(() => reject(signal.reason));
    const timer = setTimeout(
      () => finish(() => resolve({ code: 162, text: `no answer within ${requestTimeoutMs} ms` })),
      requestTimeoutMs,
    );
    signal.addEventListener("abort", abort, { once: true });
    const cancel = connection.ask(
      { listing, barSize: BAR_SIZES.get(timeframe)!, duration, end, keepUpToDate: false },
      {
        bar: (raw) => void bars.push(raw),
        done: () => finish(() => resolve(bars)),
        update() {},
        error(code, text) {
          if (classify(code, text) !== "ignore") finish(() => resolve({ code, text }));
        },
      },
    );
    if (signal.aborted) abort();
  });
}
