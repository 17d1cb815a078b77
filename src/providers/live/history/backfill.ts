/**
 * Reads a range of a feed's history into the pipeline: several symbols and ranges at once, within the endpoint's
 * limits.
 *
 * The coverage of the series keeps the proof of the answers, after the commits: another run only asks for the rest. A
 * stopped run keeps the ranges committed until its end. A warning names an unreadable symbol; the others continue, and
 * the stream fails at its end.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { Frame } from "../../../records/frame.ts";
import { type Interval, subtract, totalMs } from "../../../records/intervals.ts";
import { formatTime } from "../../../records/time.ts";
import { createSeriesDictionary } from "../../../records/series_dictionary.ts";
import { TIMEFRAMES } from "../../../records/timeframe.ts";
import type { HistoryRange, Progress, Provider, ProviderContext } from "../../provider.ts";
import { type Feed, type FeedBar, isDenial, isRefusal } from "../feed.ts";
import { createDivision } from "./division.ts";
import { createLiveBuffer } from "../transport/buffer.ts";
import { createProofs } from "../coverage/proof.ts";
import { completeUntil, createHistoryFrame, emptyAnswer, lies, type OnEnded, readHistory } from "./range.ts";
import { alignToBlocks, cutIntoTasks, type Task } from "./tasks.ts";

/** Options of {@linkcode createBackfill}. */
export interface BackfillOptions {
  name: string;
  timeframe: string;
  symbols: readonly string[];
  feed: Feed;
  range: HistoryRange;
  /** First wait before a failed task is repeated, in milliseconds; doubles. @default {5000} */
  backoffMs?: number;
}

/** Tasks in flight at once. */
const PARALLEL = 4;
/** Records that wait for the pipeline. */
const BUFFER_RECORDS = 20_000;
/** Attempts of a task, beyond those of each request. */
const ATTEMPTS = 8;
/** Failed tasks before the first success that mean that history is unavailable for all symbols. */
const MAX_FAILURES = 5;
const DAY_MS = 24 * 60 * 60_000;
/** How far from a range a stored bar is requested, too, if the range lies between two of them, in milliseconds. */
const GAP_REACH_MS = 31 * DAY_MS;
/** The same if the user chose the range, or if a request names several symbols. */
const REACH_MS = DAY_MS;
const REACH_BARS = 10;
/** Most symbols named in a message. */
const NAMED = 10;

/**
 * State of a symbol. It only changes to a later one:
 *
 * - `unread`: no bars so far.
 * - `read`: bars have come.
 * - `denied`: the account may not read a part of it; other parts are still requested.
 * - `failed`: it cannot be read, and is no longer requested.
 */
type SymbolState =
  | { readonly state: "unread" | "read" }
  | { readonly state: "denied" | "failed"; readonly error: Error };

const STATES: readonly SymbolState["state"][] = ["unread", "read", "denied", "failed"];

/** Creates a provider of a feed's history. */
export function createBackfill(options: BackfillOptions): Provider {
  const { name, timeframe, feed, range } = options;
  const stepMs = TIMEFRAMES.get(timeframe)!;
  const groupSize = feed.historySymbols ?? 1;
  let progress: Progress | undefined;
  /** Answers that have broken off: their bars count if they are committed in the end. */
  const broken: (() => Promise<void>)[] = [];

  return {
    name,
    readsHistory: true,
    progress: () => progress,
    isComplete: () => progress !== undefined && progress.done >= progress.total,
    open(context) {
      const stop = new AbortController();
      const signal = AbortSignal.any([context.stop, stop.signal]);
      const buffer = createLiveBuffer(BUFFER_RECORDS, (reason) => stop.abort(reason));
      readAll(context, signal, (frame) => buffer.put(frame, signal)).then(
        () => buffer.end(),
        (error) => {
          buffer.end(signal.aborted ? undefined : error);
          // One of the parallel tasks may fail for all symbols.
          stop.abort(error);
        },
      );
      return buffer.stream;
    },
    async close() {
      for (const settle of broken.splice(0)) await settle();
    },
  };

  async function readAll(
    context: ProviderContext,
    signal: AbortSignal,
    put: (frame: Frame) => Promise<void>,
  ): Promise<void> {
    const symbols = [...new Set(options.symbols)];
    const owner = { provider: name, timeframe };
    const proofs = createProofs({
      owner,
      stepMs,
      store: context.coverage,
      reachMs: range.only && groupSize === 1 ? GAP_REACH_MS : Math.max(REACH_MS, REACH_BARS * stepMs),
      believesEmpty: range.only !== undefined,
      warn: context.warn,
    });
    const noteRead = context.reads?.begin.bind(undefined, owner);
    await proofs.load();
    // The forming bar does not count yet.
    const to = Math.min(range.to, Math.floor(Date.now() / stepMs) * stepMs);
    const covered = (symbol: string) => range.restart ? [] : proofs.confirmed(symbol);
    const missing = range.only === undefined
      ? new Map(symbols.map((symbol) => [symbol, subtract([range.from, to], covered(symbol))]))
      : alignToBlocks(range.only, groupSize, stepMs, to);
    let shown: Progress = { done: 0, total: [...missing.values()].reduce((sum, each) => sum + totalMs(each), 0) };
    progress = shown;
    const addProgress = (done: number, total = 0) =>
      progress = shown = { done: shown.done + done, total: shown.total + total };

    await using _opened = feed.openHistory?.();
    const states = new Map<string, SymbolState>(symbols.map((symbol) => [symbol, { state: "unread" }]));
    const stateOf = (symbol: string) => states.get(symbol)?.state ?? "unread";
    const told = new Set<string>();
    let hasRead = false;
    const series = createSeriesDictionary();
    let failures = 0;

    function warnOnce(message: string, key = message): void {
      if (!told.has(key)) context.warn(message);
      told.add(key);
    }

    function setState(symbol: string, next: SymbolState): void {
      if (STATES.indexOf(next.state) > STATES.indexOf(stateOf(symbol))) states.set(symbol, next);
    }

    async function hand(bars: readonly FeedBar[], asOf: number, onEnded: OnEnded): Promise<void> {
      for (const { symbol } of bars) setState(symbol, { state: "read" });
      await context.pace(bars.length);
      await put(createHistoryFrame(name, bars, asOf, onEnded, 0, series));
      context.emit({ type: "repaired", provider: name, count: bars.length });
    }

    /** Reads a task for some of its symbols; `reached` is the time up to which each of them is committed. */
    async function read(task: Task, some: readonly string[], reached: Map<string, number>): Promise<void> {
      const from = Math.min(...some.map((symbol) => reached.get(symbol)!));
      const end = task.range[1];
      const inquiry = await proofs.inquire(
        new Map(some.map((symbol): [string, Interval] => [symbol, [reached.get(symbol)!, end]])),
        to,
      );
      const answer = emptyAnswer();
      const answered = new Map<string, number>();
      const startedAt = Date.now();
      const reach = (symbol: string, until: number) => {
        answered.set(symbol, until);
        const before = reached.get(symbol)!;
        const now = Math.min(until, end);
        if (now <= before) return;
        reached.set(symbol, now);
        addProgress(now - before);
      };
      const reply = {
        ...{ ...answer, until: answered },
        historyStart: (symbol: string) => feed.historyStart?.(symbol),
        withoutRow: (symbol: string) => feed.historyLacks?.(symbol) ?? [],
      };
      const { asked, ranges } = inquiry;
      const question = {
        ...{ feed, asked, signal, hand, clock: context.clock, noteRead },
        select: (bars: readonly FeedBar[]) => bars.filter(({ symbol, ts }) => lies(ts, ranges.get(symbol))),
        onEnded(bars: readonly FeedBar[]) {
          for (const { symbol, ts } of bars) reach(symbol, ts + stepMs);
        },
      };
      await readHistory(question, answer).catch((error) => {
        broken.push(() => proofs.settle(inquiry, reply));
        throw error;
      });
      const last = Math.max(...Array.from(asked.values(), ([, to]) => to));
      const until = Math.min(last, completeUntil(feed, stepMs, startedAt));
      for (const symbol of until > from ? some : []) reach(symbol, Math.min(until, asked.get(symbol)![1]));
      await proofs.settle(inquiry, reply);
      hasRead = true;
      if (until < end) {
        warnOnce(`history ends at ${formatTime(until)} for now, run it again later for the rest`);
        addProgress(0, -some.length * (end - Math.max(until, task.range[0])));
      }
      for (const symbol of some) {
        const start = feed.historyStart?.(symbol) ?? -Infinity;
        if (start <= from) continue;
        warnOnce(`history of ${symbol} from ${formatTime(from)} to ${formatTime(start)} can no longer be had`);
      }
    }

    /** Reads a task, as long as trying again may help; a refused group is tried by halves. */
    async function work(
      task: Task,
      some: readonly string[],
      reached: Map<string, number>,
      division = createDivision(some.length),
    ): Promise<void> {
      for (let attempt = 1; some.length > 0; attempt++) {
        try {
          await read(task, some, reached);
          return division.answered();
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof Error)) throw error;
          if (division.divides(error, some.length)) {
            const half = Math.ceil(some.length / 2);
            await work(task, some.slice(0, half), reached, division);
            return await work(task, some.slice(half), reached, division);
          }
          if (isDenial(error)) return await deny(task, some, reached, error);
          // A repair of gaps leaves the rest to its next run.
          if (isRefusal(error) || attempt === (range.only ? 1 : ATTEMPTS)) {
            if (!hasRead && ++failures >= MAX_FAILURES) throw error;
            for (const symbol of some) {
              if (stateOf(symbol) !== "failed") context.warn(`${symbol} is left out: ${error.message}`);
              setState(symbol, { state: "failed", error });
            }
            return;
          }
          warnOnce(`history could not be read, and is asked for again: ${error.message}`, "again");
          const { backoffMs = 5000 } = options;
          await delay(backoffMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2), { signal });
        }
      }
    }

    /** Skips a part of history: another may be readable. */
    async function deny(
      task: Task,
      some: readonly string[],
      reached: ReadonlyMap<string, number>,
      error: Error,
    ): Promise<void> {
      for (const symbol of some) {
        const interval: Interval = [reached.get(symbol)!, task.range[1]];
        if (stateOf(symbol) !== "denied") {
          context.warn(`${symbol} is left out from ${formatTime(interval[0])} on: ${error.message}`);
        }
        setState(symbol, { state: "denied", error });
        range.onDenied?.(symbol, interval, error.message);
        await proofs.deny(symbol, interval);
      }
    }

    const tasks = cutIntoTasks(missing, groupSize, stepMs);
    await Promise.all(Array.from({ length: PARALLEL }, async () => {
      for (let task = tasks.next().value; task !== undefined; task = tasks.next().value) {
        const some = task.symbols.filter((symbol) => stateOf(symbol) !== "failed");
        await work(task, some, new Map(some.map((symbol) => [symbol, task.range[0]])));
      }
    }));
    const empty = symbols.filter((symbol) => {
      return !range.only && missing.get(symbol)!.length > 0 && stateOf(symbol) === "unread";
    });
    if (empty.length > 0) context.warn(`there are no bars of ${list(empty)} in that range`);
    const left = symbols.filter((symbol) => stateOf(symbol) === "denied" || stateOf(symbol) === "failed");
    if (left.length === 0) return;
    const [{ error }] = Array.from(states.values()).filter((each) => "error" in each);
    const names = list(left);
    throw new Error(`${left.length} of ${symbols.length} symbols could not be read (${names}): ${error.message}`);
  }
}

function list(symbols: readonly string[]): string {
  const rest = symbols.length - NAMED;
  return symbols.slice(0, NAMED).join(", ") + (rest > 0 ? ` and ${rest} others` : "");
}
