/**
 * What the coverage of many symbols takes of memory, on bad days that are driven as fast as can be.
 *
 * A part of the symbols is streamed, and what they take counts for all: limits are those of all of them.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { createFeedAccount } from "../../../src/providers/live/coverage/account.ts";
import { createFeedCoverage } from "../../../src/providers/live/coverage.ts";
import type { FeedBar } from "../../../src/providers/live/feed.ts";
import { createCoverageKeeper } from "../../../src/providers/live/coverage/keeper.ts";
import { fakeClock } from "../../support/clock.ts";

/** A day of a feed of which nothing is ever repaired. */
export interface BadDay {
  readonly name: string;
  readonly hours: number;
  /** Part of the bars that are corrected. */
  readonly corrected: number;
  /** Which minutes of a symbol are not streamed. */
  readonly isLost: (symbol: number, minute: number) => boolean;
  readonly isSaved: boolean;
}

/** The days that are measured. */
export const badDays: readonly BadDay[] = [
  { name: "an ordinary day", hours: 4, corrected: 0, isLost: () => false, isSaved: true },
  ...[2, 4, 19].map((hours): BadDay => ({
    name: `a tenth of the bars corrected, holes in a tenth of the symbols, ${hours} h`,
    hours,
    corrected: 0.1,
    isLost: (symbol, minute) => symbol % 10 === 0 && (minute + symbol) % 7 === 0,
    isSaved: true,
  })),
  ...[0, 0.1].map((corrected): BadDay => ({
    name: `nothing saved, each third minute lost, ${corrected === 0 ? "no" : "a tenth of the"} bars corrected, 4 h`,
    hours: 4,
    corrected,
    isLost: (symbol, minute) => (minute + symbol) % 3 === 0,
    isSaved: false,
  })),
];

/** What of how many symbols is measured. */
export interface MemoryOptions {
  readonly symbols: number;
  readonly streamed: number;
}

const MINUTE = 60_000;
const OPENING = Date.UTC(2024, 0, 3);

/** Drives the day, and gives the bytes that the coverage of all symbols takes at its end; needs V8's `--expose-gc`. */
export async function measureMemory(day: BadDay, { symbols: count, streamed }: MemoryOptions): Promise<number> {
  const symbols = Array.from({ length: count }, (_, at) => `S${at}`);
  // What the day before has left is gone by now.
  await delay(10);
  const before = heapUsed();
  using clock = fakeClock(OPENING);
  const keeper = createCoverageKeeper({
    owner: { provider: "alpaca", timeframe: "1m" },
    ...{ stepMs: MINUTE, symbols: count, isConfirmed: false },
    store: {
      load: () => Promise.resolve(new Map()),
      save: () => day.isSaved ? Promise.resolve() : Promise.reject(new Error("The database is away")),
    },
    settledUntil: () => clock.now - 5 * MINUTE,
    onFailure: () => {},
  });
  const coverage = createFeedCoverage({
    ...{ calendar: undefined, symbols, stepMs: MINUTE, isConfirmed: false, correctionMs: 5 * MINUTE, keeper },
    ...{ lagMs: () => 0, now: () => clock.now, vendorNow: () => clock.now, startedAt: performance.now() },
    peers: new Map(),
  });
  const account = createFeedAccount("alpaca", () => {}, () => {}, count);
  await keeper.load(new Map(), coverage);
  const live = symbols.slice(0, streamed);
  for (const symbol of live) coverage.resumed(symbol);
  for (let minute = 1; minute < day.hours * 60; minute++) {
    const ts = OPENING + minute * MINUTE;
    await clock.tick(MINUTE);
    for (const [at, symbol] of live.entries()) {
      if (day.isLost(at, minute)) continue;
      const prices = { open: 10.25, high: 12.5, low: 9.75, close: 11.125, volume: minute + at / 8, vwap: 11.0625 };
      const bar: FeedBar = { symbol, timeframe: "1m", ts, ...prices, trades: 7, status: "final" };
      account.found(coverage.track(symbol), coverage.received(bar));
      coverage.acked(symbol, ts, "committed");
      if ((minute * 31 + at) % 100 >= day.corrected * 100) continue;
      coverage.received({ ...bar, high: 12.75, status: "correction" });
      coverage.acked(symbol, ts, "committed");
    }
  }
  const bytes = (heapUsed() - before) * count / streamed;
  // Until here all of it has to be there.
  coverage.changed(coverage.track(live[0]));
  account.emitDoubts(coverage, 0);
  keeper.stop();
  await clock.tick(MINUTE);
  return bytes;
}

function heapUsed(): number {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("Cannot measure memory: run with --v8-flags=--expose-gc");
  gc();
  return Deno.memoryUsage().heapUsed;
}
