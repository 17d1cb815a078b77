/**
 * What the model's market prints, and hence what the table must hold in the end.
 *
 * @module
 */
import type { FeedBar } from "../../src/providers/live/feed.ts";
import type { Random } from "../endtoend/random.ts";

/** A state of a bar. Times are epoch ms. */
export interface State {
  /** When history may have it. */
  readonly at: number;
  /** When it is streamed. */
  readonly streamedAt: number;
  readonly bar: FeedBar;
}

/** A symbol of the market. */
export interface Listing {
  readonly symbol: string;
  /** Part of its minutes that have a bar. */
  readonly density: number;
  /** Ranges in which nobody trades, in epoch ms. */
  readonly halts: readonly (readonly [number, number])[];
}

/** What the market is like. */
export interface MarketOptions {
  random: Random;
  listings: readonly Listing[];
  /** The first bar may start then, and the last one a minute before `to`; epoch ms. */
  from: number;
  to: number;
  /** Part of the bars that are corrected, and when: in milliseconds after history has them. */
  corrected: number;
  correctionMs: readonly [number, number];
  /** Part of the bars that are streamed late, by minutes. */
  late: number;
}

export const MINUTE = 60_000;
/** How long after its end vendors may correct a bar, as they say, in milliseconds. */
export const CORRECTION_MS: Readonly<Record<string, number>> = { alpaca: 5 * MINUTE, massive: 16 * MINUTE };

/** The states of each bar, first to last, by symbol and start. */
export type Market = ReadonlyMap<string, ReadonlyMap<number, readonly State[]>>;

/** Makes a market. */
export function createMarket(options: MarketOptions): Market {
  const { random, listings, from, to } = options;
  const market = new Map<string, Map<number, State[]>>();
  let volume = 0;
  for (const { symbol, density, halts } of listings) {
    const bars = new Map<number, State[]>();
    market.set(symbol, bars);
    let price = random.whole(20, 400);
    // Symbols whose bars come together share a message.
    const delayMs = random.pick([300, 700, 1200]);
    for (let ts = from; ts < to; ts += MINUTE) {
      price = Math.max(5, price + random.whole(-2, 2));
      if (halts.some(([begin, end]) => ts >= begin && ts < end) || !random.happens(density)) continue;
      const prices = { open: price, high: price + 2, low: price - 2, close: price + random.whole(-1, 1) };
      // Each state has a volume of its own, so that none passes for another.
      const bar: FeedBar = { symbol, timeframe: "1m", ts, ...prices, volume: ++volume, status: "final" };
      const at = ts + MINUTE + delayMs;
      const streamedAt = at + (random.happens(options.late) ? random.whole(1, 8) * MINUTE : 0);
      const states: State[] = [{ at, streamedAt, bar }];
      // A bar that is streamed after its correction was due has the final values.
      const later = at + Math.round(random.between(...options.correctionMs));
      if (random.happens(options.corrected) && later > streamedAt) {
        const correction: FeedBar = { ...bar, high: bar.high + 1, volume: ++volume, status: "correction" };
        states.push({ at: later, streamedAt: later, bar: correction });
      }
      bars.set(ts, states);
    }
  }
  return market;
}
