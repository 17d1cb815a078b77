/**
 * A made-up market: prices, options and reports of its symbols, the same for the same symbol and time.
 *
 * @module
 */
import type { Bar } from "../../records/bar.ts";
import type { Fundamental } from "../../records/fundamental.ts";
import type { News } from "../../records/news.ts";
import { contractSymbol, type OptionSnapshot } from "../../records/option.ts";
import type { MarketRecord } from "../../records/record.ts";

/** Creates the record of a symbol at a time. */
export type Maker = (symbol: string, timeframe: string, ts: number, receivedAt: number) => MarketRecord;

/** Creates the records of each kind. */
export const makers: Readonly<Record<string, Maker>> = {
  bar: makeBar,
  option: makeOption,
  fundamental: makeFundamental,
  news: makeNews,
};

const DAY_MS = 86_400_000;

/** A slow wave with noise. */
function priceOf(symbol: string, minute: number): number {
  const seed = hash(symbol);
  return (50 + seed % 400) * (1 + 0.1 * Math.sin((minute + seed % 10_000) / 5000)) + noise(seed, minute);
}

/** The bar, in whole cents, and sound. */
function makeBar(symbol: string, timeframe: string, ts: number, receivedAt: number): Bar {
  const minute = ts / 60_000;
  const seed = hash(symbol);
  const open = cents(priceOf(symbol, minute));
  const close = cents(priceOf(symbol, minute + 1));
  const reach = Math.abs(noise(seed ^ 0x5bd1, minute));
  return {
    provider: "mock",
    symbol,
    timeframe,
    ts,
    open,
    high: cents(Math.max(open, close) + reach),
    low: cents(Math.min(open, close) - reach),
    close,
    volume: 100 + hash(`${seed}`, minute) % 10_000,
    status: "final",
    receivedAt,
  };
}

/** A contract near the money, another one each minute; its greeks have plausible signs and sizes. */
function makeOption(symbol: string, _timeframe: string, ts: number, receivedAt: number): OptionSnapshot {
  const minute = ts / 60_000;
  const seed = hash(symbol);
  const spot = cents(priceOf(symbol, minute));
  const type = minute % 2 === 0 ? "C" : "P";
  const strike = Math.max(5, Math.round(spot / 5 + (minute % 5) - 2) * 5);
  const expiry = new Date((Math.floor(ts / DAY_MS) + 30 + seed % 30) * DAY_MS).toISOString().slice(0, 10);
  const moneyness = (type === "C" ? spot - strike : strike - spot) / spot;
  const delta = Math.min(0.99, Math.max(0.01, 0.5 + 2 * moneyness));
  const last = cents(Math.max(0.05, spot * (0.05 + moneyness / 2)));
  return {
    provider: "mock",
    symbol: contractSymbol(symbol, expiry, type, strike),
    underlying: symbol,
    expiry,
    type,
    strike,
    bid: cents(last * 0.98),
    ask: cents(last * 1.02),
    last,
    iv: 0.3 + noise(seed, minute) / 10,
    delta: type === "C" ? delta : -delta,
    gamma: 0.02,
    theta: -0.05,
    vega: 0.1,
    openInterest: hash(`${strike}`, seed) % 5000,
    volume: hash(`${strike}`, minute) % 500,
    spot,
    ts,
    receivedAt,
  };
}

/** A report for each quarter, in millions. */
function makeFundamental(symbol: string, _timeframe: string, ts: number, receivedAt: number): Fundamental {
  const date = new Date(ts);
  const millions = 1e6 * (100 + hash(symbol) % 900);
  const growth = 1 + 0.01 * (date.getUTCFullYear() - 2000) + noise(hash(symbol), ts / DAY_MS) / 20;
  return {
    provider: "mock",
    symbol,
    period: `${date.getUTCFullYear()}Q${Math.floor(date.getUTCMonth() / 3) + 1}`,
    totalAssets: Math.round(millions * growth * 10),
    totalLiabilities: Math.round(millions * growth * 6),
    netIncome: Math.round(millions * growth),
    eps: cents(growth * (1 + hash(symbol) % 5)),
    items: { revenue: Math.round(millions * growth * 5) },
    ts,
    receivedAt,
  };
}

function makeNews(symbol: string, _timeframe: string, ts: number, receivedAt: number): News {
  const minute = ts / 60_000;
  const isUp = noise(hash(symbol), minute) > 0;
  return {
    provider: "mock",
    symbol,
    id: `${symbol}-${minute}`,
    headline: `${symbol} ${isUp ? "rises" : "falls"} to ${cents(priceOf(symbol, minute))}, nobody knows why`,
    source: "mock",
    ts,
    receivedAt,
  };
}

const cents = (price: number) => Math.round(price * 100) / 100;

/** Between -0.5 and 0.5, the same for the same input. */
function noise(seed: number, at: number): number {
  let mixed = Math.imul(seed ^ Math.floor(at), 0x9e3779b1);
  mixed = Math.imul(mixed ^ mixed >>> 15, 0x85ebca6b);
  return ((mixed ^ mixed >>> 13) >>> 0) / 2 ** 32 - 0.5;
}

/** FNV-1a, 32 bits. */
function hash(text: string, start = 0): number {
  let state = 0x811c9dc5 ^ Math.floor(start);
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  return state >>> 0;
}
