/**
 * Divides ranges of history into requests: tasks of a backfill that can run in parallel, and groups of questions that
 * one request answers.
 *
 * @module
 */
import type { Interval } from "../../../records/intervals.ts";

/** A slice of time of a group of symbols. */
export interface Task {
  readonly symbols: readonly string[];
  readonly range: Interval;
}

/** Most bars of a task, over all its symbols; it covers at least a day. */
const BARS_A_TASK = 50_000;
const DAY_MS = 24 * 60 * 60_000;

/**
 * Cuts the missing ranges of each symbol into tasks, by demand. Symbols that lack the same range go together,
 * `groupSize` at most: one request serves them.
 */
export function* cutIntoTasks(
  missing: ReadonlyMap<string, readonly Interval[]>,
  groupSize: number,
  stepMs: number,
): Generator<Task, undefined> {
  const alike = new Map<string, { range: Interval; symbols: string[] }>();
  for (const [symbol, ranges] of missing) {
    for (const range of ranges) {
      const found = alike.get(range.join());
      if (found === undefined) alike.set(range.join(), { range, symbols: [symbol] });
      else found.symbols.push(symbol);
    }
  }
  for (const { range: [from, to], symbols: all } of alike.values()) {
    for (let at = 0; at < all.length; at += groupSize) {
      const symbols = all.slice(at, at + groupSize);
      const sliceMs = Math.max(DAY_MS, Math.floor(BARS_A_TASK / symbols.length) * stepMs);
      for (let start = from; start < to; start += sliceMs) {
        yield { symbols, range: [start, Math.min(start + sliceMs, to)] };
      }
    }
  }
}

/**
 * Bars of a page, and the fewest bars of a symbol that make up for a request: reading some needlessly is cheaper than
 * another request.
 */
const PAGE_BARS = 10_000, MIN_BLOCK_BARS = 400;

/**
 * Widens ranges to whole blocks of time if several symbols share a request: after an outage the missing ranges of
 * thousands of symbols begin and end at as many different minutes.
 *
 * @param end Nothing is read after it.
 */
export function alignToBlocks(
  missing: ReadonlyMap<string, readonly Interval[]>,
  groupSize: number,
  stepMs: number,
  end: number,
): ReadonlyMap<string, readonly Interval[]> {
  const together = Math.min(missing.size, groupSize);
  if (together <= 1) return missing;
  const blockMs = Math.max(MIN_BLOCK_BARS, Math.floor(PAGE_BARS / together)) * stepMs;
  return new Map(Array.from(missing, ([symbol, ranges]) => {
    const blocks = new Set<number>();
    for (const [from, to] of ranges) {
      for (let block = Math.floor(from / blockMs); block * blockMs < to; block++) blocks.add(block);
    }
    return [symbol, Array.from(blocks, (block): Interval => [block * blockMs, Math.min((block + 1) * blockMs, end)])];
  }));
}

/** A question: bars of a symbol from a time on. */
export interface Question {
  readonly symbol: string;
  /** In epoch ms. */
  readonly from: number;
}

/**
 * Most bars that a request may read needlessly: as long as they fit on one page, they cost no more than another
 * request.
 */
const MAX_WASTE_BARS = 10_000;

/**
 * The first question, and those that can share its request: read from the earliest start on, all of them together read
 * at most a page of needless bars, and span no pause in trading.
 *
 * @param questions At least one, in the order of their starts.
 * @param size Largest size of a group.
 */
export function takeGroup<Q extends Question>(questions: readonly Q[], size: number, stepMs: number): Q[] {
  const group: Q[] = [];
  let waste = 0;
  for (const question of questions) {
    waste += (question.from - questions[0].from) / stepMs;
    if (group.length > 0 && (group.length >= size || waste > MAX_WASTE_BARS)) break;
    group.push(question);
  }
  return group;
}
