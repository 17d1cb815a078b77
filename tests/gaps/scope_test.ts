import { assertEquals } from "@std/assert";
import { scopeOf } from "../../src/gaps/scope.ts";
import { utc } from "../support/stored_series.ts";

const NOW = utc("2024-07-09T15:30:30");

/** The range that is looked at, or why there is none. */
function rangeOf(
  [provider, symbol, timeframe]: [string, string, string],
  wanted: { from?: number; to?: number } = {},
  [first, newest] = ["2024-07-01T00:00", "2024-07-09T15:00"],
): string {
  const scope = scopeOf({ id: 1, provider, symbol, timeframe, first: utc(first), newest: utc(newest) }, wanted, NOW);
  if (typeof scope === "string") return scope;
  return [scope.from, scope.to].map((ms) => new Date(ms).toISOString().slice(0, 19)).join(" to ");
}

Deno.test("without limits a series is looked at from its first bar until shortly before now", () => {
  assertEquals(rangeOf(["kraken", "BTC/USD", "1m"]), "2024-07-01T00:00:00 to 2024-07-09T15:28:00");
  assertEquals(rangeOf(["kraken", "BTC/USD", "1h"]), "2024-07-01T00:00:00 to 2024-07-09T15:00:00");
  assertEquals(rangeOf(["kraken", "BTC/USD", "1d"]), "2024-07-01T00:00:00 to 2024-07-09T00:00:00");
});

Deno.test("the last quarter of an hour is not expected yet if a subscription may be delayed", () => {
  assertEquals(rangeOf(["alpaca", "AAPL", "1m"]), "2024-07-01T00:00:00 to 2024-07-09T15:13:00");
  assertEquals(rangeOf(["massive", "AAPL", "1m"]), "2024-07-01T00:00:00 to 2024-07-09T15:13:00");
});

Deno.test("bars of files end with the file", () => {
  const reach: [string, string] = ["2013-10-04T08:06", "2013-10-11T23:59"];
  assertEquals(rangeOf(["replay", "SPY", "1m"], {}, reach), "2013-10-04T08:06:00 to 2013-10-11T23:59:00");
  assertEquals(rangeOf(["mock", "SPY", "1m"], {}, reach), "2013-10-04T08:06:00 to 2013-10-11T23:59:00");
});

Deno.test("the requested range counts, except the future and the time before the calendars", () => {
  const from = utc("1999-05-01T00:00");
  assertEquals(rangeOf(["kraken", "BTC/USD", "1m"], { from }), "2000-01-01T00:00:00 to 2024-07-09T15:28:00");
  const to = utc("2030-01-01T00:00");
  assertEquals(rangeOf(["kraken", "BTC/USD", "1m"], { to }), "2024-07-01T00:00:00 to 2024-07-09T15:30:00");
});

Deno.test("a market without a known calendar, and bars of several hours of a stock, are not looked at", () => {
  assertEquals(rangeOf(["ibkr", "ES:FUT:CME:202503", "1m"]), "no calendar is known of its market");
  assertEquals(rangeOf(["replay", "SPY", "4h"]), "when bars of 4h start is up to their source");
  assertEquals(rangeOf(["replay", "SPY", "1w"]), "when bars of 1w start is up to their source");
  assertEquals(rangeOf(["kraken", "BTC/USD", "1w"]), "when bars of 1w start is up to their source");
  assertEquals(rangeOf(["kraken", "BTC/USD", "4h"]), "2024-07-01T00:00:00 to 2024-07-09T12:00:00");
});
