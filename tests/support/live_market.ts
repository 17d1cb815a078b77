/**
 * A market that is open in real time: each symbol has a bar a second, numbered, streamed to whoever has subscribed, and in
 * history once it is over. It knows who streamed what, and when.
 *
 * @module
 */
import { type BinanceConnection, startFakeBinance } from "./fake_binance.ts";
import type { MarketBar } from "./fake_kraken.ts";

/** Somebody's hold on a symbol. Times are of `performance.now()`. */
export interface Subscription {
  readonly symbol: string;
  readonly from: number;
  /** Infinity while it lasts. */
  to: number;
}

/** The market. */
export interface LiveMarket extends AsyncDisposable {
  readonly variables: Readonly<Record<string, string>>;
  /** Bars that are over. */
  readonly bars: readonly MarketBar[];
  /** All holds so far, in the order of their beginning. */
  readonly subscriptions: readonly Subscription[];
  /** How many stream the symbol now. */
  streams(symbol: string): number;
  /** Lets time pass without bars; they all come when it goes on. */
  pause(): void;
  resume(): void;
  /** Ends all connections, and lets history answer with nothing but errors until it is mended. */
  breakAll(): void;
  mendHistory(): void;
  /** Longest time for which more than one streamed the same symbol, in milliseconds. */
  longestOverlap(): number;
}

const STEP_MS = 1000;

/** Opens the market. */
export function openLiveMarket(symbols: readonly string[]): LiveMarket {
  const fake = startFakeBinance({ known: symbols, stepMs: STEP_MS });
  const open = new Set<BinanceConnection>();
  const subscriptions: Subscription[] = [];
  const isOf = (connection: BinanceConnection, symbol: string) =>
    connection.streams.has(`${symbol.toLowerCase()}@kline_1s`);

  async function follow(): Promise<void> {
    while (true) {
      const connection = await fake.connection();
      open.add(connection);
      const own = symbols.filter((symbol) => isOf(connection, symbol)).map((symbol) => ({
        symbol,
        from: performance.now(),
        to: Infinity,
      }));
      subscriptions.push(...own);
      connection.gone.then(() => {
        open.delete(connection);
        for (const each of own) each.to = performance.now();
      });
    }
  }
  follow();

  let isPaused = false;
  let next = Math.floor(Date.now() / STEP_MS) * STEP_MS;
  const timer = setInterval(() => {
    for (; !isPaused && next + STEP_MS <= Date.now(); next += STEP_MS) {
      const number = (next / STEP_MS) % 1_000_000;
      for (const symbol of symbols) {
        const bar = { symbol, ts: next, open: number, high: number, low: number, close: number, volume: 1, trades: 1 };
        fake.history.push(bar);
        for (const connection of open) if (isOf(connection, symbol)) connection.bars(bar);
      }
    }
  }, 50);

  return {
    variables: fake.variables,
    bars: fake.history,
    subscriptions,
    streams: (symbol) => subscriptions.filter((each) => each.symbol === symbol && each.to === Infinity).length,
    pause: () => void (isPaused = true),
    resume: () => void (isPaused = false),
    breakAll() {
      fake.script.mishaps.push(...Array.from({ length: 10_000 }, () => ({ status: 503 })));
      for (const connection of open) connection.close();
    },
    mendHistory: () => void (fake.script.mishaps.length = 0),
    longestOverlap() {
      let longest = 0;
      for (const [at, one] of subscriptions.entries()) {
        for (const other of subscriptions.slice(at + 1)) {
          if (other.symbol !== one.symbol) continue;
          longest = Math.max(longest, Math.min(one.to, other.to, performance.now()) - Math.max(one.from, other.from));
        }
      }
      return longest;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await fake[Symbol.asyncDispose]();
    },
  };
}
