/**
 * Trading hours of the contracts at Interactive Brokers.
 *
 * @module
 */
import { type Calendar, currencies, usEquitiesExtended } from "../../calendar/mod.ts";

/** Exchanges that trade US stocks during the hours of NYSE and Nasdaq. */
const US_EXCHANGES = ["SMART", "NYSE", "NASDAQ", "ISLAND", "ARCA", "AMEX", "BATS", "IEX"];

/**
 * The calendar of a symbol that `contract.ts` reads; `undefined` for futures and foreign exchanges. Extended hours are
 * included.
 */
export function hoursOf(symbol: string): Calendar | undefined {
  const [name, type, exchange, currency = "USD"] = symbol.split(":");
  if (type === undefined) return /^[A-Z]{3}\.[A-Z]{3}$/.test(name) ? currencies : usEquitiesExtended;
  if (type === "CASH") return currencies;
  return type === "STK" && US_EXCHANGES.includes(exchange) && currency === "USD" ? usEquitiesExtended : undefined;
}
