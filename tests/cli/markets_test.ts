import { assertEquals } from "@std/assert";
import { fakeClock } from "../support/clock.ts";
import { always, currencies, usEquities } from "../../src/calendar/mod.ts";
import { findOpening, reportMarkets } from "../../src/cli/markets.ts";

const at = (time: string) => Date.parse(time);
const stocks = { name: "alpaca", calendars: [usEquities] };

Deno.test("a market that is open or never closes has no opening to wait for", () => {
  assertEquals(findOpening(stocks, at("2024-07-03T16:59:00Z")), undefined);
  assertEquals(findOpening({ name: "kraken", calendars: [always] }, at("2024-07-06T00:00:00Z")), undefined);
  assertEquals(findOpening({ name: "ibkr", calendars: [usEquities, always] }, at("2024-07-06T00:00:00Z")), undefined);
});

Deno.test("a closed market opens after the weekend and the holiday, by the clock of its exchange", () => {
  // NYSE closed at 13:00 in New York on 3 July 2024, and on Independence Day.
  assertEquals(findOpening(stocks, at("2024-07-03T17:00:00Z")), at("2024-07-05T13:30:00Z"));
  // Clocks in New York went back on Sunday, 3 November 2024.
  assertEquals(findOpening(stocks, at("2024-11-01T20:00:00Z")), at("2024-11-04T14:30:00Z"));
  // Currencies at IBKR trade from Sunday 17:15 in New York.
  const both = { name: "ibkr", calendars: [usEquities, currencies] };
  assertEquals(findOpening(both, at("2024-11-02T12:00:00Z")), at("2024-11-03T22:15:00Z"));
});

Deno.test("a closed market is reported at the start and at each close, once", async () => {
  using clock = fakeClock(at("2024-01-05T20:00:00Z"));
  const said: string[] = [];
  using _report = reportMarkets(() => [stocks], (message) => said.push(message));
  assertEquals(said, []);
  await clock.tick(3 * 24 * 60 * 60_000);
  assertEquals(said, [
    "The market of alpaca is closed (us-equities): bars come when it opens, at 2024-01-08 14:30 UTC",
  ]);
});
