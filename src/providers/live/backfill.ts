/**
 * Reads a range of a feed's history into the pipeline: several symbols and ranges at once, within the endpoint's limits.
 *
 * What is committed is remembered for each symbol, page by page, so that another run goes on there, however this one
 * ended. A symbol that cannot be read is named and left out; the others go on, and the stream fails at its end.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { Frame } from "../../records/frame.ts";
import { type Interval, subtract, totalMs } from "../../records/intervals.ts";
import { formatTime } from "../../records/time.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { HistoryRange, Progress, Provider, ProviderContext } from "../provider.ts";
import { type Checkpoint, createCheckpoint } from "./checkpoint.ts";
import { type Feed, type FeedBar, isDenial, isDivisible, isRefusal } from "./feed.ts";
import { createOutlet } from "./outlet.ts";
import { createHistoryFrame, readRange } from "./range.ts";
import { alignToBlocks, cutIntoTasks, type Task } from "./tasks.ts";

/** How to read. */
export interface BackfillOptions {
  name: string;
  dataDir: string;
  timeframe: string;
  symbols: readonly string[];
  feed: Feed;
  range: HistoryRange;
  /** First wait before a task that has failed is tried again, in milliseconds; doubles. @default {5000} */
  backoffMs?: number;
}

/** Tasks under way at once. */
const PARALLEL = 4;
/** Records that wait for the pipeline. */
const BUFFER_RECORDS = 20_000;
/** Attempts of a task, beyond those of each request. */
const ATTEMPTS = 8;
/** Tasks that fail before any is read: then there is nothing to be had for anybody. */
const MAX_FAILURES = 5;
/** Symbols that a message names. */
const NAMED = 10;

/** Makes a provider of a feed's past. */
export function createBackfill(options: BackfillOptions): Provider {
  const { name, timeframe, feed, range } = options;
  let opened: Checkpoint | undefined;
  let progress: Progress | undefined;

  return {
    name,
    progress: () => progress,
    open(context) {
      const stop = new AbortController();
      const signal = AbortSignal.any([context.stop, stop.signal]);
      const outlet = createOutlet(BUFFER_RECORDS, (reason) => stop.abort(reason));
      readAll(context, signal, (frame) => outlet.put(frame, signal)).then(
        () => outlet.end(),
        (error) => {
          outlet.end(signal.aborted ? undefined : error);
          // Of tasks side by side one may fail for all.
          stop.abort(error);
        },
      );
      return outlet.stream;
    },
    close: range.only ? undefined : async () => await opened?.save(),
  };

  async function readAll(
    context: ProviderContext,
    signal: AbortSignal,
    put: (frame: Frame) => Promise<void>,
  ): Promise<void> {
    const stepMs = TIMEFRAMES.get(timeframe)!;
    const checkpoint = opened = createCheckpoint({
      dataDir: options.dataDir,
      name: `${name} ${timeframe}`,
      target: context,
    });
    const symbols = [...new Set(options.symbols)];
    const known = await context.newest(timeframe);
    if (!range.restart && !range.only) await checkpoint.load((symbol) => known.has(symbol));
    // The bar under way is none yet.
    const to = Math.min(range.to, Math.floor(Date.now() / stepMs) * stepMs);
    const groupSize = feed.historySymbols ?? 1;
    const missing = range.only === undefined
      ? new Map(symbols.map((symbol) => [symbol, subtract([range.from, to], checkpoint.covered(symbol))]))
      : alignToBlocks(range.only, groupSize, stepMs, to);
    let done = 0;
    let total = [...missing.values()].reduce((sum, ranges) => sum + totalMs(ranges), 0);
    progress = { done, total };

    await using _opened = feed.openHistory?.();
    const failed = new Map<string, Error>();
    /** Symbols of which the account may not read all. */
    const denied = new Map<string, Error>();
    const withBars = new Set<string>();
    const told = new Set<string>();
    let hasRead = false;
    let failures = 0;

    function tellOnce(message: string, key = message): void {
      if (!told.has(key)) context.notice(message);
      told.add(key);
    }

    async function hand(bars: readonly FeedBar[], asOf: number, onSettled: () => void): Promise<void> {
      for (const { symbol } of bars) withBars.add(symbol);
      await context.pace(bars.length);
      await put(createHistoryFrame(name, bars, asOf, onSettled));
      context.tell({ type: "repaired", provider: name, count: bars.length });
    }

    /** Reads a task for some of its symbols; `reached` is up to where each of them is committed. */
    async function read(task: Task, some: readonly string[], reached: Map<string, number>): Promise<void> {
      const from = Math.min(...some.map((symbol) => reached.get(symbol)!));
      const onCommitted = (symbol: string, until: number) => {
        const before = reached.get(symbol)!;
        if (until <= before) return;
        reached.set(symbol, until);
        if (!range.only) checkpoint.add(symbol, [before, until]);
        range.onRead?.(symbol, [before, until], feed.historyStart?.(symbol) ?? -Infinity);
        progress = { done: done += until - before, total };
      };
      const until = await readRange({
        feed,
        starts: new Map(some.map((symbol) => [symbol, reached.get(symbol)!])),
        to: task.range[1],
        signal,
        clock: context.clock,
        hand,
        onCommitted,
      });
      hasRead = true;
      if (until < task.range[1]) {
        tellOnce(`history ends at ${formatTime(until)} for now, run it again later for the rest`);
        total -= some.length * (task.range[1] - Math.max(until, task.range[0]));
        progress = { done, total };
      }
      for (const symbol of some) {
        const start = feed.historyStart?.(symbol) ?? -Infinity;
        if (start <= from) continue;
        tellOnce(`history of ${symbol} from ${formatTime(from)} to ${formatTime(start)} can no longer be had`);
      }
    }

    /** Reads a task, as long as trying again may help; what is refused as a group is tried by halves. */
    async function work(task: Task, some: readonly string[], reached: Map<string, number>): Promise<void> {
      for (let attempt = 1; some.length > 0; attempt++) {
        try {
          return await read(task, some, reached);
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof Error)) throw error;
          if (isDivisible(error) && some.length > 1) {
            const half = Math.ceil(some.length / 2);
            await work(task, some.slice(0, half), reached);
            return await work(task, some.slice(half), reached);
          }
          if (isDenial(error)) return deny(task, some, reached, error);
          // What a repair of gaps does not get, the next one asks for again.
          if (isRefusal(error) || attempt === (range.only ? 1 : ATTEMPTS)) {
            if (!hasRead && ++failures >= MAX_FAILURES) throw error;
            for (const symbol of some) {
              if (!failed.has(symbol)) context.notice(`${symbol} is left out: ${error.message}`);
              failed.set(symbol, error);
            }
            return;
          }
          tellOnce(`history could not be read, and is asked for again: ${error.message}`, "again");
          const { backoffMs = 5000 } = options;
          await delay(backoffMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2), { signal });
        }
      }
    }

    /** Passes over a part of history: another may well be read. */
    function deny(task: Task, some: readonly string[], reached: ReadonlyMap<string, number>, error: Error): void {
      for (const symbol of some) {
        const interval: Interval = [reached.get(symbol)!, task.range[1]];
        if (!denied.has(symbol)) {
          context.notice(`${symbol} is left out from ${formatTime(interval[0])} on: ${error.message}`);
        }
        denied.set(symbol, error);
        range.onDenied?.(symbol, interval, error.message);
      }
    }

    const tasks = cutIntoTasks(missing, groupSize, stepMs);
    await Promise.all(Array.from({ length: PARALLEL }, async () => {
      for (let task = tasks.next().value; task !== undefined; task = tasks.next().value) {
        const some = task.symbols.filter((symbol) => !failed.has(symbol));
        await work(task, some, new Map(some.map((symbol) => [symbol, task.range[0]])));
      }
    }));
    const empty = symbols.filter((symbol) => {
      return !range.only && missing.get(symbol)!.length > 0 && !withBars.has(symbol) && !failed.has(symbol) &&
        !denied.has(symbol);
    });
    if (empty.length > 0) context.notice(`there are no bars of ${list(empty)} in that range`);
    const left = new Map([...denied, ...failed]);
    if (left.size === 0) return;
    const [error] = left.values();
    const names = list([...left.keys()]);
    throw new Error(`${left.size} of ${symbols.length} symbols could not be read (${names}): ${error.message}`);
  }
}

function list(symbols: readonly string[]): string {
  const rest = symbols.length - NAMED;
  return symbols.slice(0, NAMED).join(", ") + (rest > 0 ? ` and ${rest} others` : "");
}
