import { assertEquals, assertRejects } from "@std/assert";
import { durationOf, formatEnd, pageMs } from "../../src/providers/ibkr/bars.ts";
import { isResetTime, judge } from "../../src/providers/ibkr/codes.ts";
import { readSymbol } from "../../src/providers/ibkr/contract.ts";
import { createPacing } from "../../src/providers/ibkr/pacing.ts";
import { fakeClock } from "../support/clock.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

Deno.test("of code 162 the text decides", () => {
  const error = "Historical Market Data Service error message:";
  assertEquals(judge(162, `${error}Historical data request pacing violation`), "later");
  assertEquals(judge(162, `${error}HMDS query returned no data: AAPL@SMART Trades`), "empty");
  assertEquals(judge(162, `${error}API historical data query cancelled: 5`), "again");
  assertEquals(judge(162, `${error}No market data permissions for ISLAND STK`), "refused");
  assertEquals(judge(162, `${error}Trading TWS session is connected from a different IP address`), "later");
  assertEquals(judge(420, "Invalid Real-time Query:Historical data request pacing violation"), "later");
});

Deno.test("warnings about a request change nothing", () => {
  for (const code of [2106, 2176, 10090, 10167, 165]) assertEquals(judge(code, ""), "ignore");
});

Deno.test("the nightly reset is at New York's midnight, summer and winter", () => {
  for (const time of ["2026-01-15T05:00Z", "2026-07-15T04:00Z", "2026-01-15T04:45Z", "2026-01-15T06:44Z"]) {
    assertEquals(isResetTime(Date.parse(time)), true, time);
  }
  for (const time of ["2026-01-15T04:44Z", "2026-01-15T06:45Z", "2026-07-15T15:00Z"]) {
    assertEquals(isResetTime(Date.parse(time)), false, time);
  }
});

Deno.test("symbols name contracts", () => {
  const contract = (symbol: string) => {
    const listing = readSymbol(symbol);
    if (typeof listing === "string") return listing;
    const { contract: { symbol: name, secType, exchange, currency, lastTradeDateOrContractMonth }, whatToShow } =
      listing;
    return [name, secType, exchange, currency, lastTradeDateOrContractMonth, whatToShow].join(" ");
  };
  assertEquals(contract("AAPL"), "AAPL STK SMART USD  TRADES");
  assertEquals(contract("BRK B"), "BRK B STK SMART USD  TRADES");
  assertEquals(contract("EUR.USD"), "EUR CASH IDEALPRO USD  MIDPOINT");
  assertEquals(contract("EUR.CHF:CASH:IDEALPRO"), "EUR CASH IDEALPRO CHF  MIDPOINT");
  assertEquals(contract("SPX:IND:CBOE"), "SPX IND CBOE USD  TRADES");
  assertEquals(contract("ES:FUT:CME:202503"), "ES FUT CME USD 202503 TRADES");
  assertEquals(contract("FDAX:FUT:EUREX:20250321:EUR"), "FDAX FUT EUREX EUR 20250321 TRADES");
  assertEquals(contract("ES:FUT:CME"), "an expiry (yyyymm or yyyymmdd) is wanted after its exchange");
  assertEquals(contract("X:STK:"), "its exchange is wanted after its type");
});

Deno.test("durations cover what is asked for, and stay within the table for the bar's size", () => {
  assertEquals(durationOf(10_000, 5_000), "60 S");
  assertEquals(durationOf(pageMs(5_000), 5_000), "3600 S");
  assertEquals(durationOf(3 * MINUTE, MINUTE), "180 S");
  assertEquals(durationOf(pageMs(MINUTE), MINUTE), "28800 S");
  assertEquals(durationOf(pageMs(5 * MINUTE), 5 * MINUTE), "1 W");
  assertEquals(durationOf(90 * MINUTE, HOUR), "7200 S");
  assertEquals(durationOf(HOUR, 24 * HOUR), "1 W");
  assertEquals(formatEnd(Date.UTC(2026, 9, 18, 9, 30, 5)), "20261018-09:30:05");
});

for (const isStrict of [true, false]) {
  Deno.test(`requests for ${isStrict ? "seconds are paced strictly" : "minutes are not held up"}`, async () => {
    using clock = fakeClock();
    const pacing = createPacing(isStrict);
    const { signal } = new AbortController();
    const at: number[] = [];
    const asking = (async () => {
      for (let request = 0; request < 70; request++) {
        (await pacing.take(signal))();
        at.push(clock.now);
      }
    })();
    while (at.length < 70) await clock.tick(100);
    await asking;
    const most = (withinMs: number) =>
      Math.max(...at.map((from) => at.filter((t) => t >= from && t < from + withinMs).length));
    if (isStrict) {
      assertEquals([most(2000) < 6, most(10 * MINUTE) <= 60], [true, true], `${most(2000)}, ${most(10 * MINUTE)}`);
    } else assertEquals([most(1000) <= 50, at.at(-1)! < 5000], [true, true]);
  });
}

Deno.test("no more than 20 requests are open at a time, and one that is over makes room", async () => {
  const pacing = createPacing(false);
  const stop = new AbortController();
  const done = await Promise.all(Array.from({ length: 20 }, () => pacing.take(stop.signal)));
  const waiting = pacing.take(stop.signal);
  const given = assertRejects(() => waiting, Error, "enough");
  stop.abort(new Error("enough"));
  await given;
  done[0]();
  (await pacing.take(new AbortController().signal))();
});
