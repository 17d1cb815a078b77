import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Range } from "../../src/calendar/mod.ts";
import { calendarOf } from "../../src/providers/mod.ts";
import { withClient } from "../../src/database/database.ts";
import { findGaps } from "../../src/gaps/scan.ts";
import { TIMEFRAMES } from "../../src/records/timeframe.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { confirmRanges, storeSeries, utc } from "../support/stored_series.ts";

const { test } = useServer();

/** Around the change of clocks in March, with a weekend in it. */
const FIRST_MS = utc("2024-03-08T00:00");
const MINUTES = 4 * 24 * 60;

const market = fc.constantFrom(["alpaca", "AAPL"], ["ibkr", "AAPL"], ["ibkr", "EUR.USD"], ["kraken", "BTC/USD"]);
const time = fc.integer({ min: 0, max: MINUTES }).map((minute) => FIRST_MS + minute * 60_000);
const range = fc.tuple(time, time).map(([a, b]): Range => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const timeframe = fc.constantFrom("1m", "5m", "1h");

test("a scan finds the gaps that a look at every single bar would find", async (server) => {
  const { database } = await migratedDatabase(server);
  let number = 0;

  await fc.assert(
    fc.asyncProperty(
      market,
      timeframe,
      range,
      fc.array(range, { maxLength: 6 }),
      fc.array(range, { maxLength: 4 }),
      async ([provider, symbol], timeframe, wanted, stored, quiet) => {
        const stepMs = TIMEFRAMES.get(timeframe)!;
        const calendar = calendarOf(provider, symbol)!;
        const slots = Array.from({ length: MINUTES * 60_000 / stepMs }, (_, at) => FIRST_MS + at * stepMs);
        const isIn = (ranges: readonly Range[]) => (slot: number) => ranges.some((r) => slot >= r.from && slot < r.to);
        const bars = slots.filter(isIn(stored));
        // Whole bars, and of each start one.
        const known = new Map(quiet.map(({ from, to }) => {
          const whole = { from: Math.floor(from / stepMs) * stepMs, to: Math.ceil((to + 1) / stepMs) * stepMs };
          return [whole.from, whole];
        }));

        const seriesId = await storeSeries(database, { provider, symbol: `${symbol}${number++}`, timeframe }, bars);
        const found = await withClient(database, async (client, names) => {
          await confirmRanges(client, names, seriesId, [...known.values()]);
          return await Array.fromAsync(findGaps({ client, names, seriesId, calendar, stepMs, ...wanted }));
        });

        const told = found.flatMap(({ from, to, isNoTrade }) =>
          Array.from({ length: (to - from) / stepMs }, (_, at) => `${from + at * stepMs} ${isNoTrade}`)
        );
        const expected = slots
          .filter(isIn([wanted]))
          .filter((slot) => calendar.openMs(slot, slot + stepMs) > 0 && !bars.includes(slot))
          .map((slot) => `${slot} ${isIn([...known.values()])(slot)}`);
        assertEquals(told, expected);
      },
    ),
    { numRuns: 60 },
  );
});
