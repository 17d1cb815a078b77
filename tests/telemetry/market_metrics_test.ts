import { assertEquals } from "@std/assert";
import { Registry } from "@platformatic/prom-client";
import { always, type Calendar, usEquities } from "../../src/calendar/mod.ts";
import { type Market, overdueMs, registerMarketMetrics } from "../../src/telemetry/market_metrics.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The market is open from 14:30 to 21:00 UTC, that day and the next. */
const at = (day: number, hour: number, minute = 0) => Date.UTC(2025, 1, day, hour, minute);

const marketOf = (stepMs: number, calendar: Calendar = usEquities): Market => ({
  calendars: new Set([calendar]),
  stepMs,
});

/** For how many minutes bars have been due. */
const overdue = (market: Market, since: number, now: number, delayMs = 0) =>
  overdueMs(market, { since, delayMs, now }) / MINUTE;

Deno.test("a bar is due from its end on", () => {
  const since = at(11, 16, 0) + 2000;
  assertEquals(overdue(marketOf(MINUTE), since, at(11, 16, 1)), 0);
  assertEquals(overdue(marketOf(MINUTE), since, at(11, 16, 7)), 6);
  assertEquals(overdue(marketOf(15 * MINUTE), since, at(11, 16, 14)), 0);
  assertEquals(overdue(marketOf(15 * MINUTE), since, at(11, 16, 18)), 3);
  assertEquals(overdue(marketOf(HOUR), since, at(11, 17, 1)), 1);
});

Deno.test("a closed market owes nothing, and the time until its opening counts for nothing", () => {
  for (const since of [at(11, 21) + 2000, at(11, 20, 50)]) {
    assertEquals(overdue(marketOf(MINUTE), since, at(12, 14, 30)), since < at(11, 21) ? 9 : 0);
  }
  const since = at(11, 21) + 2000;
  assertEquals(overdue(marketOf(MINUTE), since, at(12, 14, 31)), 0);
  assertEquals(overdue(marketOf(MINUTE), since, at(12, 14, 36)), 5);
});

Deno.test("a delayed feed owes its first bar of the day by its delay later", () => {
  const since = at(11, 21, 15);
  assertEquals(overdue(marketOf(MINUTE), since, at(12, 14, 46), 15 * MINUTE), 0);
  assertEquals(overdue(marketOf(MINUTE), since, at(12, 14, 52), 15 * MINUTE), 6);
});

Deno.test("a market that never closes owes bars at any time", () => {
  assertEquals(overdue(marketOf(MINUTE, always), at(15, 3) + 1000, at(15, 3, 10)), 9);
});

Deno.test("gauges follow the stored records, and those of a removed provider disappear", async () => {
  const registry = new Registry();
  let now = at(12, 15);
  const markets = new Map<string, Market>([["a", marketOf(MINUTE)], ["b", marketOf(MINUTE)]]);
  const listen = registerMarketMetrics([registry], () => markets, () => now);
  const read = async () =>
    (await registry.metrics()).split("\n").filter((line) => line.startsWith("barline_")).toSorted();
  await read();
  now += 10 * MINUTE;
  listen({ type: "committed", provider: "b", kind: "bar", count: 1, receivedAt: 0 } as never);
  assertEquals(await read(), [
    'barline_bars_overdue_seconds{provider="a"} 540',
    'barline_bars_overdue_seconds{provider="b"} 0',
    'barline_market_open{provider="a"} 1',
    'barline_market_open{provider="b"} 1',
  ]);
  markets.delete("a");
  now += 10 * MINUTE;
  listen({ type: "doubts", provider: "b", minutes: {}, series: 0, delayMs: 5 * MINUTE });
  assertEquals(await read(), ['barline_bars_overdue_seconds{provider="b"} 540', 'barline_market_open{provider="b"} 1']);
  // Handed back, it has as long as at the start.
  markets.set("a", marketOf(MINUTE));
  assertEquals((await read())[0], 'barline_bars_overdue_seconds{provider="a"} 0');
  // What came through another says itself when it was stored.
  markets.set("a", { ...marketOf(MINUTE), storedAt: now + 5 * MINUTE });
  now += 10 * MINUTE;
  assertEquals((await read())[0], 'barline_bars_overdue_seconds{provider="a"} 240');
});
