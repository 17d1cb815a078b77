/**
 * The option snapshot: quote, greeks and open interest of one contract at one time.
 *
 * @module
 */
import { parseDecimal } from "./number.ts";
import { quote } from "./quote.ts";
import type { Column, MarketRecord, RecordKind, WireField } from "./record.ts";
import { checkSymbol } from "./symbol.ts";
import { checkTime, formatTime } from "./time.ts";

/** What was known of a contract; `ts` is the time as of which. What a source does not give is `undefined`. */
export interface OptionSnapshot extends MarketRecord {
  /** Symbol of what the contract is on; {@linkcode MarketRecord.symbol} is that of the contract. */
  readonly underlying: string;
  /** Last day of trading, `yyyy-mm-dd`. */
  readonly expiry: string;
  /** Call or put. */
  readonly type: "C" | "P";
  readonly strike: number;
  readonly bid?: number;
  readonly ask?: number;
  readonly last?: number;
  /** Implied volatility, as a part of 1 a year. */
  readonly iv?: number;
  readonly delta?: number;
  readonly gamma?: number;
  readonly theta?: number;
  readonly vega?: number;
  /** Open contracts. */
  readonly openInterest?: number;
  /** Contracts traded that day. */
  readonly volume?: number;
  /** Price of the underlying. */
  readonly spot?: number;
}

/** The numbers that a source may or may not give, each with the other names it goes by. */
const NUMBERS = {
  bid: ["bid_price", "bp"],
  ask: ["ask_price", "ap"],
  last: ["last_price", "price"],
  iv: ["implied_volatility", "impliedVolatility"],
  delta: [],
  gamma: [],
  theta: [],
  vega: [],
  openInterest: ["open_interest", "oi"],
  volume: ["v"],
  spot: ["underlying_price", "underlyingPrice"],
} as const;
type NumberName = keyof typeof NUMBERS;
const NUMBER_NAMES = Object.keys(NUMBERS) as NumberName[];
/** Those that are below 0 only by mistake. */
const NEVER_NEGATIVE: readonly NumberName[] = ["bid", "ask", "last", "iv", "openInterest", "volume", "spot"];
const DAY = /^(\d{4})-?(\d\d)-?(\d\d)$/;

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const columns: readonly Column<OptionSnapshot>[] = [
  { name: "ts", type: "timestamptz", value: ({ ts }) => Math.round(ts * 1000) },
  { name: "received_at", type: "timestamptz", value: ({ receivedAt }) => receivedAt },
  { name: "strike", type: "float8", value: ({ strike }) => strike },
  ...NUMBER_NAMES.map((name): Column<OptionSnapshot> => ({
    name: snake(name),
    type: "float8",
    optional: true,
    value: (record) => record[name],
  })),
  { name: "expiry", type: "date", value: ({ expiry }) => Date.parse(expiry) / 86_400_000 },
  { name: "type", type: "char", value: ({ type }) => type },
  { name: "underlying", type: "text", value: ({ underlying }) => underlying },
];

const text = (name: "provider" | "symbol" | "underlying" | "expiry" | "type"): WireField<OptionSnapshot> => ({
  name,
  type: "text",
  value: (record) => record[name],
});
const number = (name: "ts" | "strike" | "receivedAt" | NumberName): WireField<OptionSnapshot> => ({
  name,
  type: "number",
  ...(name in NUMBERS ? { optional: true } : {}),
  value: (record) => record[name],
});
const wireFields = [
  ...(["provider", "symbol", "underlying", "expiry", "type"] as const).map(text),
  ...(["ts", "strike", "receivedAt"] as const).map(number),
  ...NUMBER_NAMES.map(number),
];

/** The kind `option`. */
export const option: RecordKind<OptionSnapshot> = {
  name: "option",
  table: "option_snapshot",
  view: "options",
  columns,
  keyColumns: ["ts"],
  fields: [
    { name: "symbol", aliases: ["contract", "ticker"], optional: true },
    { name: "underlying", aliases: ["root", "underlying_symbol"] },
    { name: "expiry", aliases: ["expiration", "expiration_date"] },
    { name: "type", aliases: ["right", "contract_type", "option_type"] },
    { name: "strike", aliases: ["strike_price"], isNumber: true },
    { name: "ts", aliases: ["timestamp", "time", "as_of", "datetime"] },
    ...NUMBER_NAMES.map((name) => ({ name, aliases: NUMBERS[name], isNumber: true as const, optional: true as const })),
  ],

  parse(values, receivedAt, context) {
    const [symbol, underlying, expiry, type, strike, time, ...numbers] = values;
    if (typeof underlying !== "string") return `underlying is not text: ${quote(underlying)}`;
    const ts = context.parseTime(time);
    if (Number.isNaN(ts)) return `ts is not ${context.timeFormat}: ${quote(time)}`;
    const day = readDay(expiry);
    if (day === undefined) return `expiry is not a day like 2024-01-19: ${quote(expiry)}`;
    const side = /^(c|call)$/i.test(String(type)) ? "C" : /^(p|put)$/i.test(String(type)) ? "P" : undefined;
    if (side === undefined) return `type is not C or P: ${quote(type)}`;
    const price = parseDecimal(strike);
    if (!(price > 0 && price < Infinity)) return `strike is not a price: ${quote(strike)}`;
    const record: Record<string, unknown> = {
      provider: context.provider,
      symbol: isAbsent(symbol) ? contractSymbol(underlying, day, side, price) : String(symbol),
      underlying,
      expiry: day,
      type: side,
      strike: price,
      ts,
      receivedAt,
    };
    for (const [at, name] of NUMBER_NAMES.entries()) {
      if (isAbsent(numbers[at])) continue;
      record[name] = parseDecimal(numbers[at]);
      if (!Number.isFinite(record[name])) return `${name} is not a finite number: ${quote(numbers[at])}`;
    }
    return record as unknown as OptionSnapshot;
  },

  validate(record, now) {
    for (const name of NUMBER_NAMES) {
      const value = record[name];
      if (value !== undefined && !Number.isFinite(value)) return `${name} is not a finite number: ${value}`;
    }
    for (const name of NEVER_NEGATIVE) if (record[name]! < 0) return `${name} is negative: ${record[name]}`;
    if (!(record.strike > 0 && record.strike < Infinity)) return `strike is not a price: ${record.strike}`;
    if (Math.abs(record.delta ?? 0) > 1.000001) return `delta is outside -1 to 1: ${record.delta}`;
    if (record.type !== "C" && record.type !== "P") return `type is not C or P: ${quote(record.type)}`;
    if (readDay(record.expiry) !== record.expiry) return `expiry is not a day: ${quote(record.expiry)}`;
    return checkTime(record.ts, now) ?? checkSymbol(record.underlying) ?? checkSymbol(record.symbol);
  },

  series: ({ provider, symbol }) => ({ provider, symbol, timeframe: "option" }),

  wire: {
    fields: wireFields,
    reader: (values) => (at) => {
      const record: Record<string, unknown> = {};
      for (const [field, { name }] of wireFields.entries()) {
        const value = values[field][at];
        if (value !== undefined) record[name] = value;
      }
      return record as unknown as OptionSnapshot;
    },
  },

  toJSON: (record) => ({ ...record, ts: formatTime(record.ts) }),
};

/** The contract's symbol after the Options Symbology Initiative: root, yymmdd, C or P, a thousand times the strike. */
export function contractSymbol(underlying: string, expiry: string, type: "C" | "P", strike: number): string {
  return `${underlying}${expiry.slice(2).replaceAll("-", "")}${type}${
    String(Math.round(strike * 1000)).padStart(8, "0")
  }`;
}

/** `yyyy-mm-dd` of a day that the calendar has. */
function readDay(value: unknown): string | undefined {
  const [, year, month, day] = DAY.exec(String(value)) ?? [];
  const written = `${year}-${month}-${day}`;
  const date = new Date(`${written}T00:00:00Z`);
  return Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== written ? undefined : written;
}

const isAbsent = (value: unknown) => value === undefined || value === null || value === "";
