/**
 * Symbols, and their contracts at Interactive Brokers.
 *
 * - `AAPL`, `BRK B`: a stock in the US, in dollars, wherever it trades (SMART);
 * - `EUR.USD`: a currency pair at IDEALPRO;
 * - `SYMBOL:TYPE:EXCHANGE` with TYPE one of STK, IND, FUT, CASH, and further an expiry (`yyyymm` or `yyyymmdd`), a
 *   currency other than USD, or the multiplier that distinguishes contracts of two sizes: `SAP:STK:IBIS:EUR`,
 *   `SPX:IND:CBOE`, `ES:FUT:CME:202703`, `DAX:FUT:EUREX:202703:EUR:25`.
 *
 * @module
 */
import type { Contract, SecType, WhatToShow } from "@stoqey/ib";

/** A symbol, with the properties of requests for its bars. */
export interface Listing {
  readonly symbol: string;
  readonly contract: Contract;
  readonly whatToShow: WhatToShow;
  /** Whether its bars have a volume: then a bar without any means a time without trades. */
  readonly hasVolume: boolean;
}

const TYPES = ["STK", "IND", "FUT", "CASH"];
const PAIR = /^([A-Z]{3})\.([A-Z]{3})$/;
const NAME = /^[A-Z0-9][A-Z0-9 .-]*$/;

/** Reads a symbol, or returns its problem as text. */
export function readSymbol(symbol: string): Listing | string {
  const [name, type, exchange, ...rest] = symbol.split(":");
  const pair = PAIR.exec(name);
  if (!NAME.test(name)) return "expected a name of capital letters, digits, spaces, dots and dashes";
  if (type === undefined) {
    if (pair !== null) return makeListing(symbol, "CASH", { symbol: pair[1], currency: pair[2], exchange: "IDEALPRO" });
    return makeListing(symbol, "STK", { symbol: name, currency: "USD", exchange: "SMART" });
  }
  if (!TYPES.includes(type)) return `expected a type of ${TYPES.join(", ")}`;
  if (exchange === undefined || exchange === "") return "expected an exchange after its type";
  const expiry = rest.find((part) => /^\d{6}(\d\d)?$/.test(part));
  const currency = rest.find((part) => /^[A-Z]{3}$/.test(part)) ?? (type === "CASH" ? pair?.[2] : undefined) ?? "USD";
  const multiplier = rest.find((part) => /^(?:0\.\d{1,4}|[1-9]\d{0,4})$/.test(part));
  if (rest.some((part) => part !== expiry && part !== currency && part !== multiplier)) {
    return "expected only an expiry (yyyymm or yyyymmdd), a currency and a multiplier after its exchange";
  }
  if (type !== "FUT" && multiplier !== undefined) return "only futures have a multiplier";
  if (type === "FUT" && expiry === undefined) return "expected an expiry (yyyymm or yyyymmdd) after its exchange";
  return makeListing(symbol, type, {
    symbol: type === "CASH" && pair !== null ? pair[1] : name,
    currency,
    exchange,
    ...(expiry === undefined ? {} : { lastTradeDateOrContractMonth: expiry }),
    // Typed as a number, though the library writes it as text for TWS.
    ...(multiplier === undefined ? {} : { multiplier: Number(multiplier) }),
  });
}

function makeListing(symbol: string, type: string, contract: Contract): Listing {
  return {
    symbol,
    contract: { ...contract, secType: type as SecType },
    // Currencies have no trades, only quotes.
    whatToShow: (type === "CASH" ? "MIDPOINT" : "TRADES") as WhatToShow,
    hasVolume: type === "STK" || type === "FUT",
  };
}
