/**
 * Bars made of trades, to the last digit.
 *
 * @module
 */
import type { FeedBar } from "../live/feed.ts";
import { MAX_AHEAD_MS } from "../live/clock.ts";
import type { KrakenSeries } from "./bars.ts";

/** A trade; price and volume in units of 10⁻¹⁰, as sums of fractions in floating point would depend on their order. */
export interface Trade {
  readonly id: number;
  /** Epoch ms. */
  readonly at: number;
  readonly price: bigint;
  readonly volume: bigint;
}

/** Digits behind the point: Kraken's prices and volumes have ten at most. */
const DIGITS = 10;
const UNIT = 10n ** BigInt(DIGITS);
const DECIMAL = new RegExp(`^(\\d{1,20})(?:\\.(\\d{1,${DIGITS}}))?$`);

/** Reads a row of `Trades`, `["price", "volume", seconds, "b" or "s", "m" or "l", "", id]`, or tells why it is none. */
export function readTrade(row: unknown): Trade | string {
  if (!Array.isArray(row)) return "trade is not as documented";
  const [price, volume, seconds, , , , id] = row.map((field, at) => at < 2 ? readUnits(field) : field) as unknown[];
  if (typeof price !== "bigint" || typeof volume !== "bigint") return "trade is not as documented";
  if (price === 0n || !Number.isSafeInteger(id) || typeof seconds !== "number") return "trade is not as documented";
  if (!(seconds > 0 && seconds * 1000 <= Date.now() + MAX_AHEAD_MS)) return "trade is of no time that has been";
  return { id: id as number, at: seconds * 1000, price, volume };
}

/** Gathers trades, in order, into bars. */
export interface TradeBars {
  /** Takes a trade; gives the bar before it where it begins another. */
  add(trade: Trade): FeedBar | undefined;
  /** The bar under way. */
  end(): FeedBar | undefined;
}

interface Sums {
  readonly ts: number;
  readonly open: bigint;
  high: bigint;
  low: bigint;
  close: bigint;
  volume: bigint;
  /** Of prices × volumes, in units of 10⁻²⁰. */
  value: bigint;
  trades: number;
}

/** Starts with no trades. */
export function createTradeBars(symbol: string, { timeframe, stepMs }: KrakenSeries): TradeBars {
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

function readUnits(text: unknown): bigint | undefined {
  const match = typeof text === "string" ? DECIMAL.exec(text) : null;
  if (match === null) return undefined;
  return BigInt(match[1]) * UNIT + BigInt((match[2] ?? "").padEnd(DIGITS, "0"));
}

/** By way of text, which is read to the nearest number. */
function toNumber(units: bigint): number {
  return Number(`${units / UNIT}.${String(units % UNIT).padStart(DIGITS, "0")}`);
}
