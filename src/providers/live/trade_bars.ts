/**
 * Builds bars from trades, to the last digit.
 *
 * @module
 */
import type { FeedBar } from "./feed.ts";

/** A trade; price and volume in units of 10⁻¹⁰, since floating-point sums would depend on the order of trades. */
export interface Trade {
  readonly id: number;
  /** Epoch ms. */
  readonly at: number;
  readonly price: bigint;
  readonly volume: bigint;
}

/** Most digits behind the point of prices and volumes. */
const DIGITS = 10;
const UNIT = 10n ** BigInt(DIGITS);
const DECIMAL = new RegExp(`^(\\d{1,20})(?:\\.(\\d{1,${DIGITS}}))?$`);

/** Gathers trades, in order, into bars. */
export interface TradeBars {
  /** Adds a trade; returns the bar before it if the trade begins another. */
  add(trade: Trade): FeedBar | undefined;
  /** The forming bar. */
  end(): FeedBar | undefined;
}

interface Sums {
  readonly ts: number;
  readonly open: bigint;
  high: bigint;
  low: bigint;
  close: bigint;
  volume: bigint;
  /** Sum of prices × volumes, in units of 10⁻²⁰. */
  value: bigint;
  trades: number;
}

/** Starts without trades. */
export function createTradeBars(
  symbol: string,
  { timeframe, stepMs }: { timeframe: string; stepMs: number },
): TradeBars {
  let sums: Sums | undefined;

  function end(): FeedBar | undefined {
    if (sums === undefined) return undefined;
    const { ts, open, high, low, close, volume, value, trades } = sums;
    sums = undefined;
    const prices = { open: toNumber(open), high: toNumber(high), low: toNumber(low), close: toNumber(close) };
    const vwap = volume === 0n ? undefined : toNumber((value + volume / 2n) / volume);
    return { symbol, timeframe, ts, ...prices, volume: toNumber(volume), vwap, trades, status: "final" };
  }
  return {
    end,
    add({ at, price, volume }) {
      const ts = Math.floor(at / stepMs) * stepMs;
      const before = sums !== undefined && ts > sums.ts ? end() : undefined;
      sums ??= { ts, open: price, high: price, low: price, close: price, volume: 0n, value: 0n, trades: 0 };
      if (price > sums.high) sums.high = price;
      if (price < sums.low) sums.low = price;
      sums.close = price;
      sums.volume += volume;
      sums.value += price * volume;
      sums.trades++;
      return before;
    },
  };
}

/** Reads a decimal number in units of 10⁻¹⁰; `undefined` if the text is not a number, or has more digits. */
export function readUnits(text: unknown): bigint | undefined {
  const match = typeof text === "string" ? DECIMAL.exec(text) : null;
  if (match === null) return undefined;
  return BigInt(match[1]) * UNIT + BigInt((match[2] ?? "").padEnd(DIGITS, "0"));
}

/** Through text, which is read as the nearest number. */
function toNumber(units: bigint): number {
  return Number(`${units / UNIT}.${String(units % UNIT).padStart(DIGITS, "0")}`);
}
