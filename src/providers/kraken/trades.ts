/**
 * Trades of Kraken's history.
 *
 * @module
 */
import { MAX_AHEAD_MS } from "../live/clock.ts";
import { readUnits, type Trade } from "../live/trade_bars.ts";

/**
 * Reads a row of `Trades`, `["price", "volume", seconds, "b" or "s", "m" or "l", "", id]`, or returns its problem as
 * text.
 */
export function readTrade(row: unknown): Trade | string {
  if (!Array.isArray(row)) return "trade is not as documented";
  const [price, volume, seconds, , , , id] = row.map((field, at) => at < 2 ? readUnits(field) : field) as unknown[];
  if (typeof price !== "bigint" || typeof volume !== "bigint") return "trade is not as documented";
  if (price === 0n || !Number.isSafeInteger(id) || typeof seconds !== "number") return "trade is not as documented";
  if (!(seconds > 0 && seconds * 1000 <= Date.now() + MAX_AHEAD_MS)) return "trade is of no time that has been";
  return { id: id as number, at: seconds * 1000, price, volume };
}
