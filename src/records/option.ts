/**
 * The option snapshot: quote, greeks and open interest of one contract at one time.
 *
 * @module
 */
import { defineKind } from "./define_kind.ts";
import { checkSymbol } from "./symbol.ts";

/** Numbers that are below 0 only by mistake. */
const NEVER_NEGATIVE = ["bid", "ask", "last", "iv", "openInterest", "volume", "spot"] as const;

const maybe = <const N extends string>(name: N, aliases: readonly string[], about?: string) =>
  ({ name, type: "float8", aliases, optional: true, about }) as const;

/** The kind `option`: quote and figures of a contract. */
export const option = defineKind({
  name: "option",
  table: "option_snapshot",
  view: "options",
  timeframe: "option",
  fields: [
    { name: "symbol", type: "symbol", aliases: ["contract", "ticker"], optional: true, about: "that of the contract" },
    { name: "ts", type: "timestamptz", aliases: ["timestamp", "time", "as_of", "datetime"], about: "time as of which" },
    { name: "strike", type: "float8", aliases: ["strike_price"], expected: "a price" },
    maybe("bid", ["bid_price", "bp"]),
    maybe("ask", ["ask_price", "ap"]),
    maybe("last", ["last_price", "price"]),
    maybe("iv", ["implied_volatility", "impliedVolatility"], "implied volatility, as a part of 1 a year"),
    maybe("delta", []),
    maybe("gamma", []),
    maybe("theta", []),
    maybe("vega", []),
    maybe("openInterest", ["open_interest", "oi"], "open contracts"),
    maybe("volume", ["v"], "contracts traded that day"),
    maybe("spot", ["underlying_price", "underlyingPrice"], "price of the underlying"),
    { name: "expiry", type: "date", aliases: ["expiration", "expiration_date"], about: "last day of trading" },
    {
      ...{ name: "type", type: "enum", aliases: ["right", "contract_type", "option_type"] } as const,
      ...{
        values: { C: "C", P: "P" },
        spellings: { c: "C", call: "C", p: "P", put: "P" },
        about: "call or put",
      } as const,
    },
    { name: "underlying", type: "text", aliases: ["root", "underlying_symbol"], about: "what the contract is on" },
  ],
  key: ["ts"],
  symbolOf: ({ underlying, expiry, type, strike }) => contractSymbol(underlying, expiry, type, strike),
  validate(record) {
    for (const name of NEVER_NEGATIVE) if (record[name]! < 0) return `${name} is negative: ${record[name]}`;
    if (!(record.strike > 0)) return `strike is not a price: ${record.strike}`;
    if (Math.abs(record.delta ?? 0) > 1.000001) return `delta is outside -1 to 1: ${record.delta}`;
    return checkSymbol(record.underlying);
  },
});

/** An option snapshot as an object. */
export type OptionSnapshot = ReturnType<typeof option.row>;

/** The contract's symbol after the Options Symbology Initiative: root, yymmdd, C or P, a thousand times the strike. */
export function contractSymbol(underlying: string, expiry: string, type: "C" | "P", strike: number): string {
  return `${underlying}${expiry.slice(2).replaceAll("-", "")}${type}${
    String(Math.round(strike * 1000)).padStart(8, "0")
  }`;
}
