/**
 * Bars whose roll-ups are worth looking at, and what is known of views.
 *
 * @module
 */
import type { Database } from "../../src/database/database.ts";
import type { Bar } from "../../src/records/bar.ts";
import { select } from "./lanes.ts";

const MINUTE = 60_000;

/**
 * Minute bars of some symbols from a time on, each different: here and there a minute is missing, has no VWAP, no trades
 * or no volume; and bars of an hour, which are no part of any roll-up.
 */
export function minuteBars(fromMs: number, minutes: number, symbols: readonly string[] = ["AAA", "BBB"]): Bar[] {
  return symbols.flatMap((symbol, series) =>
    Array.from({ length: minutes }, (_, at): Bar => {
      const price = 100 + series + Math.sin(at) * 5;
      return {
        provider: "mock",
        symbol,
        timeframe: at % 97 === 5 ? "1h" : "1m",
        ts: fromMs + at * MINUTE,
        open: price,
        high: price + 1,
        low: price - 1,
        close: price + 0.5,
        volume: at % 11 === 0 ? 0 : at % 7 + 1,
        vwap: at % 13 === 0 || at % 60 < 5 ? undefined : price + 0.25,
        trades: at % 17 === 0 ? undefined : at % 5,
        status: "final",
        receivedAt: fromMs * 1000 + series * minutes + at,
      };
    })
  ).filter((_, at) => at % 29 !== 3);
}

/** Names and types of a view's columns. */
export function columnsOf(database: Database, view: string): Promise<Record<string, unknown>[]> {
  return select(
    database,
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
WHERE attrelid = '${view}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  );
}

/** All rows of a view, numbers to nine digits: sums depend on the order of adding. */
export async function rowsOf(
  database: Database,
  view: string,
  order = "symbol, ts",
): Promise<Record<string, unknown>[]> {
  const rows = await select(database, `SELECT * FROM ${view} ORDER BY ${order}`);
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, typeof value === "number" ? +value.toPrecision(9) : value]),
    )
  );
}
