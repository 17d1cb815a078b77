/**
 * Reads bars of the past from TWS.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { type FeedBar, FeedError } from "../live/feed.ts";
import { BAR_SIZES, durationOf, formatEnd, isOver, oldestStart, pageMs, type RawBar, readBar } from "./bars.ts";
import { isPermission, judge } from "./codes.ts";
import type { Connection } from "./connection.ts";
import type { CallOutcome } from "../live/rest.ts";
import { createRowReader } from "../live/rows.ts";
import type { Listing } from "./contract.ts";
import type { Pacing } from "./pacing.ts";

/** Options of {@linkcode readHistory}. */
export interface HistoryOptions {
  connection: Connection;
  listing: Listing;
  timeframe: string;
  pacing: Pacing;
  signal: AbortSignal;
  /** Longest wait for an answer, in milliseconds. */
  requestTimeoutMs: number;
  /** First wait after "too much", in milliseconds; doubles. */
  retryMs: number;
  /** Told of the outcome of each request. */
  onCall?: (outcome: CallOutcome) => void;
}

const ATTEMPTS = 6;
const MAX_RETRY_MS = 5 * 60_000;

/** Finished bars from `from` to before `to` (epoch ms), page by page. */
export async function* readHistory(
  options: HistoryOptions,
  from: number,
  to: number,
): AsyncGenerator<readonly FeedBar[]> {
  const stepMs = TIMEFRAMES.get(options.timeframe)!;
  const { listing, timeframe } = options;
  const signal = AbortSignal.any([options.signal, options.connection.signal]);
  const reader = createRowReader((raw) => readBar(raw as RawBar, listing, timeframe));
  for (let start = Math.max(from, oldestStart(stepMs) ?? from); start < to;) {
    const end = Math.min(start + pageMs(stepMs), to);
    const rows = await readPage({ ...options, signal }, durationOf(end - start, stepMs), formatEnd(end));
    const bars = reader.read(listing.symbol, rows);
    // TWS rounds durations up, and to days of trade.
    yield bars.filter((bar) => bar.ts >= start && bar.ts < end && isOver(bar));
    start = end;
  }
  reader.finish();
}

/** Asks for a page until it is there, as long as asking again may help. */
async function readPage(options: HistoryOptions, duration: string, end: string): Promise<RawBar[]> {
  const { listing, pacing, signal, retryMs } = options;
  let last = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) {
      const wait = Math.min(retryMs * 2 ** (attempt - 1), MAX_RETRY_MS);
      await delay(wait * (1 + Math.random() / 4), { signal });
    }
    const done = await pacing.take(signal);
    const answer = await ask(options, duration, end).finally(done);
    const verdict = Array.isArray(answer) ? "empty" : judge(answer.code, answer.text);
    const isTooMuch = !Array.isArray(answer) && (answer.code === 100 || /pacing/i.test(answer.text));
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
          if (judge(code, text) !== "ignore") finish(() => resolve({ code, text }));
        },
      },
    );
    if (signal.aborted) abort();
  });
}
