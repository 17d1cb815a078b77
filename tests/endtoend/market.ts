/**
 * What the market prints, minute by minute, and hence what the table must hold in the end.
 *
 * @module
 */
import type { MarketBar } from "../support/fake_kraken.ts";
import type { Random } from "./random.ts";

/** What becomes known of a bar at a moment: its state so far, that it is over, or that late trades have changed it. */
export interface Print {
  /** In epoch ms. */
  readonly at: number;
  readonly kind: "forming" | "closed" | "corrected";
  readonly bar: MarketBar;
}

/** A bar as it is in the end. */
export interface Truth {
  readonly bar: MarketBar;
  readonly isCorrected: boolean;
}

/** A market from its opening to its close. */
export interface Market {
  /** In the order of their moments. */
  readonly prints: readonly Print[];
  readonly truth: readonly Truth[];
}

/** What the market is like. */
export interface MarketOptions {
  random: Random;
  symbols: readonly string[];
  /** The first bar starts then, in epoch ms. */
  opening: number;
  minutes: number;
  /** When corrections come, in milliseconds after the end of their bars. @default {there are none} */
  correctionMs?: readonly [number, number];
  /** Whether bars under way are told of too. */
  tellsForming: boolean;
}

const MINUTE = 60_000;
/** Parts of all bars that nobody trades in, and that are corrected. */
const QUIET = 0.03;
const CORRECTED = 0.15;

/** Makes a market. Each symbol is silent for some minutes in a row, twice, and for single ones now and then. */
export function createMarket(options: MarketOptions): Market {
  const { random, symbols, opening, minutes } = options;
  const prints: Print[] = [];
  const truth: Truth[] = [];
  const { correctionMs } = options;
  for (const symbol of symbols) {
    const silences = [1, 2].map(() => {
      const from = random.whole(1, minutes - 12);
      return { from, to: from + random.whole(2, 9) };
    });
    let price = random.whole(20, 400);
    for (let minute = 0; minute < minutes; minute++) {
      price = Math.max(5, price + random.whole(-2, 2));
      // The last bars are there: after them nothing tells that one before is missing.
      const isSilent = silences.some(({ from, to }) => minute >= from && minute < to) || random.happens(QUIET);
      if (isSilent && minute < minutes - 2) continue;
      const states = trade({ random, symbol, ts: opening + minute * MINUTE, price });
      prints.push(...options.tellsForming ? states : states.slice(-1));
      const last = states.at(-1)!;
      if (correctionMs === undefined || !random.happens(CORRECTED)) {
        truth.push({ bar: last.bar, isCorrected: false });
        continue;
      }
      const bar = correct(last.bar, random);
      prints.push({ at: bar.ts + MINUTE + random.between(...correctionMs), kind: "corrected", bar });
      truth.push({ bar, isCorrected: true });
    }
  }
  return { prints: prints.sort((a, b) => a.at - b.at), truth };
}

/** One bar, trade by trade. */
function trade({ random, symbol, ts, price }: { random: Random; symbol: string; ts: number; price: number }): Print[] {
  const moments = Array.from({ length: random.whole(1, 4) }, () => random.whole(1, 56)).sort((a, b) => a - b);
  let bar: MarketBar = { symbol, ts, open: price, high: price, low: price, close: price, volume: 0, trades: 0 };
  const prints: Print[] = moments.map((second) => {
    const close = price + random.whole(-20, 20) / 10;
    const [high, low] = [Math.max(bar.high, close), Math.min(bar.low, close)];
    bar = { ...bar, high, low, close, volume: bar.volume + random.whole(1, 4000) / 8, trades: bar.trades + 1 };
    return { at: ts + second * 1000, kind: "forming", bar };
  });
  return [...prints, { at: ts + MINUTE + random.between(100, 2000), kind: "closed", bar }];
}

function correct(bar: MarketBar, random: Random): MarketBar {
  const { high, low, volume, trades } = bar;
  return {
    ...bar,
    high: random.happens(0.5) ? high + 0.5 : high,
    low: random.happens(0.5) ? low - 0.5 : low,
    volume: volume + random.whole(1, 800) / 8,
    trades: trades + 1,
  };
}
