import { assertEquals } from "@std/assert";
import { always, type Range } from "../../src/calendar/calendar.ts";
import { calendarOf } from "../../src/providers/mod.ts";
import { usEquities } from "../../src/calendar/us_equities.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const utc = (iso: string) => Date.parse(`${iso}Z`);
const show = (ranges: Iterable<Range>) =>
  Array.from(ranges, ({ from, to }) => [from, to].map((ms) => new Date(ms).toISOString().slice(0, 16)).join(" to "));

Deno.test("a market is open from its first moment to before its last", () => {
  assertEquals(usEquities.isOpen(utc("2024-07-09T13:29:59.999")), false);
  assertEquals(usEquities.isOpen(utc("2024-07-09T13:30")), true);
  assertEquals(usEquities.isOpen(utc("2024-07-09T19:59:59.999")), true);
  assertEquals(usEquities.isOpen(utc("2024-07-09T20:00")), false);
  assertEquals(usEquities.isOpen(utc("2024-07-06T15:00")), false, "Saturday");
  assertEquals(usEquities.isOpen(utc("2024-07-03T17:30")), false, "after an early close");
  assertEquals(always.isOpen(utc("2024-07-06T15:00")), true);
});

Deno.test("open time leaves out the night and the weekend", () => {
  assertEquals(usEquities.openMs(utc("2024-07-05T19:30"), utc("2024-07-08T13:40")), 40 * MINUTE_MS);
  assertEquals(usEquities.openMs(utc("2024-07-06T00:00"), utc("2024-07-08T00:00")), 0);
  assertEquals(always.openMs(utc("2024-07-06T00:00"), utc("2024-07-08T00:00")), 2 * DAY_MS);
  assertEquals(always.openMs(5, 5), 0);
});

Deno.test("bars are expected in each session, and in no other place", () => {
  assertEquals(show(usEquities.starts(utc("2024-07-03T15:00"), utc("2024-07-05T14:00"), MINUTE_MS)), [
    "2024-07-03T15:00 to 2024-07-03T17:00",
    "2024-07-05T13:30 to 2024-07-05T14:00",
  ]);
});

Deno.test("a range within a bar begins at the next bar, and an empty one has none", () => {
  assertEquals(show(usEquities.starts(utc("2024-07-03T15:00:01"), utc("2024-07-03T15:02:01"), MINUTE_MS)), [
    "2024-07-03T15:01 to 2024-07-03T15:03",
  ]);
  assertEquals(show(usEquities.starts(utc("2024-07-03T15:00:01"), utc("2024-07-03T15:00:59"), MINUTE_MS)), []);
  assertEquals(show(always.starts(7, 7, MINUTE_MS)), []);
});

Deno.test("bars of an hour are expected wherever a part of the hour is traded", () => {
  assertEquals(show(usEquities.starts(utc("2024-01-09T00:00"), utc("2024-01-10T00:00"), HOUR_MS)), [
    "2024-01-09T14:00 to 2024-01-09T21:00",
  ]);
});

Deno.test("bars of a day are expected on trading days, next to each other within a week", () => {
  assertEquals(show(usEquities.starts(utc("2024-07-01T00:00"), utc("2024-07-09T00:00"), DAY_MS)), [
    "2024-07-01T00:00 to 2024-07-04T00:00",
    "2024-07-05T00:00 to 2024-07-06T00:00",
    "2024-07-08T00:00 to 2024-07-09T00:00",
  ]);
});

Deno.test("a session that ends in the next day, or begins in the one before, has one bar of a day", () => {
  const days = (symbol: string) =>
    show(calendarOf("ibkr", symbol)!.starts(utc("2024-01-05T00:00"), utc("2024-01-10T00:00"), DAY_MS));
  const weekdays = ["2024-01-05T00:00 to 2024-01-06T00:00", "2024-01-08T00:00 to 2024-01-10T00:00"];
  assertEquals(days("AAPL"), weekdays);
  assertEquals(days("EUR.USD"), weekdays);
});

Deno.test("a market that never closes has one run of bars over weekends and holidays", () => {
  assertEquals(show(always.starts(utc("2024-12-24T00:00"), utc("2025-01-02T00:00"), MINUTE_MS)), [
    "2024-12-24T00:00 to 2025-01-02T00:00",
  ]);
});

Deno.test("currencies trade from Sunday's evening to Friday's afternoon, and rest a quarter of an hour each day", () => {
  const currencies = calendarOf("ibkr", "EUR.USD")!;
  assertEquals(show(currencies.sessions(utc("2024-03-08T21:00"), utc("2024-03-12T00:00"))), [
    "2024-03-07T22:15 to 2024-03-08T22:00",
    "2024-03-10T21:15 to 2024-03-11T21:00",
    "2024-03-11T21:15 to 2024-03-12T21:00",
  ]);
});

for (
  const [provider, symbol, name] of [
    ["alpaca", "AAPL", "us-equities"],
    ["alpaca", "FAKEPACA", "24/7"],
    ["massive", "BRK.B", "us-equities"],
    ["kraken", "BTC/USD", "24/7"],
    ["kraken", "AAPLx/USD", undefined],
    ["binance", "BTCUSDT", "24/7"],
    ["mock", "AAPL", "24/7"],
    ["replay", "SPY", "us-equities"],
    ["replay", "BTC/USD", "24/7"],
    ["polygon", "AAPL", "us-equities"],
    ["coinbase", "BTC-USD", undefined],
    ["toString", "AAPL", undefined],
    ["ibkr", "AAPL", "us-equities-extended"],
    ["ibkr", "BRK B", "us-equities-extended"],
    ["ibkr", "SPY:STK:ARCA", "us-equities-extended"],
    ["ibkr", "EUR.USD", "currencies"],
    ["ibkr", "EUR:CASH:IDEALPRO:CHF", "currencies"],
    ["ibkr", "SAP:STK:IBIS:EUR", undefined],
    ["ibkr", "RY:STK:SMART:CAD", undefined],
    ["ibkr", "SPX:IND:CBOE", undefined],
    ["ibkr", "ES:FUT:CME:202503", undefined],
  ] as const
) {
  Deno.test(`${symbol} of ${provider} has ${name === undefined ? "no known calendar" : `the calendar ${name}`}`, () => {
    assertEquals(calendarOf(provider, symbol)?.name, name);
  });
}
