/**
 * Asks history about a range of some symbols, hands on its bars, and waits for their outcome.
 *
 * @module
 */
import { orAborted } from "../../../abort.ts";
import { type Bar, bar } from "../../../records/bar.ts";
import { columnsOf } from "../../../records/build.ts";
import { createFrame, type FinalOutcome, type Frame } from "../../../records/frame.ts";
import type { Interval } from "../../../records/intervals.ts";
import type { ReceiveClock } from "../../../records/record.ts";
import { createSeriesDictionary } from "../../../records/series_dictionary.ts";
import { TIMEFRAMES } from "../../../records/timeframe.ts";
import type { Feed, FeedBar } from "../feed.ts";
import { SETTLE_MS } from "../coverage/urgency.ts";

/** Called once with the outcome of bars that were handed on. */
export type OnEnded = (outcome: FinalOutcome) => void;

/** A question to history, and the destination of its bars. Times are epoch ms. */
export interface HistoryQuestion {
  feed: Pick<Feed, "history">;
  /** The requested range of each symbol; one request covers all, from the earliest start to the latest end. */
  asked: ReadonlyMap<string, Interval>;
  /** Selects the bars to hand on from the requested ones. @default {all} */
  select?: (bars: readonly FeedBar[]) => readonly FeedBar[];
  signal: AbortSignal;
  /** Called before each request. */
  onRequest?: () => void;
  clock: ReceiveClock;
  /** Records the read before the request, until its bars have an outcome. @default {no record} */
  noteRead?: (asked: ReadonlyMap<string, Interval>, signal: AbortSignal) => Promise<AsyncDisposable | undefined>;
  /**
   * Hands bars on, waiting for room. They were observed at `asOf` (microseconds), the time of the request of their
   * page, so that a correction that has come meanwhile counts as newer.
   */
  hand: (bars: readonly FeedBar[], asOf: number, onEnded: OnEnded) => Promise<void>;
  /** Called, in order, with bars once they and all before them have an outcome. */
  onEnded?: (bars: readonly FeedBar[]) => void;
}

/** The answer of history, and the outcome of its bars. Starts of bars are epoch ms. */
export interface HistoryAnswer {
  /** Starts of the requested bars, by symbol. */
  readonly starts: Map<string, number[]>;
  /** Starts of bars that were handed on and are not in the sink, by symbol: all of a page if one is not. */
  readonly unstored: Map<string, Map<number, Exclude<FinalOutcome, "committed">>>;
}

/** An answer without any bar. */
export const emptyAnswer = (): HistoryAnswer => ({ starts: new Map(), unstored: new Map() });

/** Most bars handed on at once: a whole page would leave no room for other symbols. */
const BARS_AT_ONCE = 1000;

/**
 * Fills the answer; resolves with it when it is complete and all bars handed on have an outcome: they are in the sink,
 * among the dead letters, or in the journal.
 *
 * @throws The error of history, or the signal's reason; the answer keeps the bars before it.
 */
export async function readHistory(question: HistoryQuestion, answer = emptyAnswer()): Promise<HistoryAnswer> {
  const { feed, asked, signal, clock, select = (bars) => bars } = question;
  const ranges = [...asked.values()];
  const from = Math.min(...ranges.map(([from]) => from));
  const to = Math.max(...ranges.map(([, to]) => to));
  /** Bars without an outcome, in order, and finished ones behind them. */
  const waiting: { bars: readonly FeedBar[]; hasEnded: boolean }[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  /** More pages may come, the answer is complete, or it has broken off. */
  let state: "reading" | "read" | "broken" = "reading";
  const note = await question.noteRead?.(asked, signal);

  /** Removes the record once none of the bars can reach the sink any more: those in the journal can. */
  async function removeNote(): Promise<void> {
    if (waiting.length > 0 || isJournaled(answer)) return;
    await note?.[Symbol.asyncDispose]();
  }

  async function handOn(bars: readonly FeedBar[], asOf: number): Promise<void> {
    const entry = { bars, hasEnded: false };
    waiting.push(entry);
    await question.hand(bars, asOf, (outcome) => {
      entry.hasEnded = true;
      if (outcome !== "committed") noteUnstored(answer, bars, outcome);
      while (waiting[0]?.hasEnded) {
        const { bars } = waiting.shift()!;
        question.onEnded?.(bars);
      }
      if (waiting.length > 0) return;
      if (state === "read") resolve();
      if (state === "broken") void removeNote();
    });
  }

  async function readPages(): Promise<void> {
    const pages = feed.history([...asked.keys()], from, to, signal, question.onRequest)[Symbol.asyncIterator]();
    try {
      while (true) {
        const asOf = clock(1);
        const { done, value } = await pages.next();
        if (done) return;
        const bars = value.filter(({ symbol, ts }) => lies(ts, asked.get(symbol)));
        for (const { symbol, ts } of bars) noteStart(answer, symbol, ts);
        const selected = select(bars);
        for (let at = 0; at < selected.length; at += BARS_AT_ONCE) {
          await handOn(selected.slice(at, at + BARS_AT_ONCE), asOf);
        }
      }
    } finally {
      await pages.return?.();
    }
  }

  try {
    await readPages();
    signal.throwIfAborted();
    state = "read";
    if (waiting.length > 0) await orAborted(ended, signal);
  } catch (error) {
    state = "broken";
    throw error;
  } finally {
    await removeNote();
  }
  for (const starts of answer.starts.values()) starts.sort((a, b) => a - b);
  return answer;
}

/** The time up to which history was complete at `askedAt` (epoch ms), as far as its answers have shown. */
export const completeUntil = ({ historyLagMs = 0 }: Pick<Feed, "historyLagMs">, stepMs: number, askedAt: number) =>
  Math.floor((askedAt - historyLagMs) / stepMs) * stepMs;

/** Whether a bar starts in the range. */
export const lies = (ts: number, range: Interval | undefined): boolean =>
  range !== undefined && ts >= range[0] && ts < range[1];

/** Whether the journal has some of its bars, which the next run delivers. */
const isJournaled = ({ unstored }: HistoryAnswer): boolean =>
  unstored.values().some((some) => some.values().some((outcome) => outcome === "journaled"));

function noteStart({ starts }: HistoryAnswer, symbol: string, ts: number): void {
  const known = starts.get(symbol);
  if (known === undefined) starts.set(symbol, [ts]);
  else known.push(ts);
}

function noteUnstored(
  { unstored }: HistoryAnswer,
  bars: readonly FeedBar[],
  outcome: Exclude<FinalOutcome, "committed">,
): void {
  for (const { symbol, ts } of bars) {
    const known = unstored.get(symbol);
    if (known === undefined) unstored.set(symbol, new Map([[ts, outcome]]));
    else known.set(ts, outcome);
  }
}

/**
 * Creates a frame of bars of history, observed at `asOf` (microseconds). Bars that had ended by then are marked, so
 * that no later plain bar of the feed replaces them.
 *
 * @param skewMs Vendor's clock minus the local one, in milliseconds.
 * @param series The series of the source. @default {those of this frame}
 */
export function createHistoryFrame(
  provider: string,
  bars: readonly FeedBar[],
  asOf: number,
  onEnded: OnEnded,
  skewMs = 0,
  series = createSeriesDictionary(),
): Frame {
  // After the local clock was set back, observations keep their order and are ahead of it.
  const overBy = Math.min(asOf / 1000, Date.now()) + skewMs - SETTLE_MS;
  const records = bars.map((each): Bar => {
    const isWhole = each.ts + TIMEFRAMES.get(each.timeframe)! <= overBy;
    return { ...each, provider, receivedAt: asOf, fromHistory: isWhole ? 1 : undefined };
  });
  // The latency to the commit counts from here: the time of history does not belong to the pipeline.
  const built = columnsOf(bar, records, series);
  return createFrame({ kind: "bar", provider, receivedAt: Math.max(asOf, Date.now() * 1000), ...built, onEnded });
}
