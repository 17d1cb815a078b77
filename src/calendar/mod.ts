/**
 * Which calendar the bars of a series follow.
 *
 * @module
 */
import { always, type Calendar } from "./calendar.ts";
import { currencies } from "./currencies.ts";
import { usEquities, usEquitiesExtended } from "./us_equities.ts";

export type { Calendar, Range } from "./calendar.ts";

/** Exchanges of Interactive Brokers that trade US stocks during the hours of NYSE and Nasdaq. */
const US_EXCHANGES = ["SMART", "NYSE", "NASDAQ", "ISLAND", "ARCA", "AMEX", "BATS", "IEX"];

/**
 * The calendar of a provider's symbol; `undefined` where none is known, as of futures or of exchanges abroad. Then a
 * market must be taken to be open at any time, and to be closed at any time.
 *
 * @param provider Name of the provider as in the rows.
 */
export function calendarOf(provider: string, symbol: string): Calendar | undefined {
  switch (provider) {
    case "mock":
    case "kraken":
    case "binance":
      return always;
    case "alpaca":
      // The made-up stock of the test feed.
      return symbol === "FAKEPACA" ? always : usEquities;
    case "massive":
      return usEquities;
    case "ibkr":
      return ofListing(symbol);
    default:
      // Files: pairs are written with a slash by everybody but Interactive Brokers.
      return symbol.includes("/") ? always : usEquities;
  }
}

/** Symbols as `src/providers/ibkr/contract.ts` reads them; its bars are those of extended hours, too. */
function ofListing(symbol: string): Calendar | undefined {
  const [name, type, exchange, currency = "USD"] = symbol.split(":");
  if (type === undefined) return /^[A-Z]{3}\.[A-Z]{3}$/.test(name) ? currencies : usEquitiesExtended;
  if (type === "CASH") return currencies;
  return type === "STK" && US_EXCHANGES.includes(exchange) && currency === "USD" ? usEquitiesExtended : undefined;
}
