import { assertEquals, assertRejects } from "@std/assert";
import { formatEnd } from "../../src/providers/ibkr/bars.ts";
import { createCapacity } from "../../src/providers/ibkr/capacity.ts";
import { classify, isResetTime } from "../../src/providers/ibkr/codes.ts";
import { type Listing, readSymbol } from "../../src/providers/ibkr/contract.ts";
import { durationOf, longestDuration } from "../../src/providers/ibkr/durations.ts";
import { createPacing } from "../../src/providers/ibkr/pacing.ts";
import { fakeClock } from "../support/clock.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

Deno.test("the text of code 162 decides its meaning", () => {
  const error = "Historical Market Data Service error message:";
  assertEquals(classify(162, `${error}Historical data request pacing violation`), "later");
  assertEquals(classify(162, `${error}HMDS query returned no data: AAPL@SMART Trades`), "empty");
  assertEquals(classify(162, `${error}API historical data query cancelled: 5`), "again");
  assertEquals(classify(162, `${error}No market data permissions for ISLAND STK`), "refused");
  assertEquals(classify(162, `${error}Trading TWS session is connected from a different IP address`), "later");
  assertEquals(classify(420, "Invalid Real-time Query:Historical data request pacing violation"), "later");
  assertEquals(classify(420, "Invalid Real-time Query:No market data permissions for ISLAND STK."), "refused");
});

Deno.test("code 322 is a limit or a number in use, and 10182 the end of a stream", () => {
  const error = "Error processing request.-'bM' : cause - ";
  assertEquals(classify(322, `${error}Only 50 simultaneous API historical data requests allowed.`), "full");
  assertEquals(classify(322, `${error}Duplicate ticker ID for API historical data query`), "again");
  assertEquals(classify(322, `${error}Something else`), "later");
  assertEquals(classify(101, "Max number of tickers has been reached."), "full");
  assertEquals(classify(10182, "Failed to request live updates (disconnected)."), "again");
});

Deno.test("warnings about a request change nothing", () => {
  for (const code of [2106, 2176, 10090, 10167, 165]) assertEquals(classify(code, ""), "ignore");
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
  assertEquals(contract("ES:FUT:CME:202703"), "ES FUT CME USD 202703 TRADES");
  assertEquals(contract("FESX:FUT:EUREX:20270319:EUR"), "FESX FUT EUREX EUR 20270319 TRADES");
  const dax = readSymbol("DAX:FUT:EUREX:202703:EUR:25") as Listing;
  assertEquals([dax.contract.symbol, dax.contract.currency, dax.contract.multiplier], ["DAX", "EUR", 25]);
  assertEquals(contract("ES:FUT:CME"), "expected an expiry (yyyymm or yyyymmdd) after its exchange");
  assertEquals(contract("X:STK:IBIS:EUR:25"), "only futures have a multiplier");
  assertEquals(contract("X:STK:"), "expected an exchange after its type");
});

Deno.test("durations cover the requested range, and stay within the table for the bar's size", () => {
  const DAY = 24 * HOUR;
  const text = (rangeMs: number, stepMs: number) => durationOf(rangeMs, stepMs).text;
  assertEquals(text(10_000, 5_000), "60 S");
  assertEquals(text(3 * MINUTE, MINUTE), "180 S");
  assertEquals(text(9 * HOUR, MINUTE), "1 D");
  assertEquals(text(90 * MINUTE, HOUR), "7200 S");
  assertEquals(text(HOUR, DAY), "1 W");
  assertEquals(text(200 * DAY, DAY), "1 Y");
  const longest = (stepMs: number) => longestDuration(stepMs).text;
  assertEquals([5, 10, 30].map((seconds) => longest(seconds * 1000)), ["3600 S", "14400 S", "28800 S"]);
  assertEquals([1, 2, 3, 15, 30].map((minutes) => longest(minutes * MINUTE)), ["1 D", "2 D", "1 W", "1 W", "1 M"]);
  assertEquals([1, 4, 8, 24].map((hours) => longest(hours * HOUR)), ["1 M", "1 M", "1 M", "1 Y"]);
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
        await pacing.take(signal);
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

Deno.test("streams leave eight of 48 historical requests to history", async () => {
  const capacity = createCapacity();
  const { signal } = new AbortController();
  const streams = await Promise.all(Array.from({ length: 50 }, () => capacity.takeStream(signal, () => {})));
  assertEquals(streams.filter((release) => release !== undefined).length, 40);
  for (let request = 0; request < 8; request++) await capacity.takeRequest(signal);
  const stop = new AbortController();
  const waiting = assertRejects(() => capacity.takeRequest(stop.signal), Error, "enough");
  stop.abort(new Error("enough"));
  await waiting;
  streams[0]!();
  await capacity.takeRequest(signal);
});

Deno.test("without streams history has 20 requests open, and one that is over makes room", async () => {
  const capacity = createCapacity();
  const { signal } = new AbortController();
  const releases = await Promise.all(Array.from({ length: 20 }, () => capacity.takeRequest(signal)));
  const next = capacity.takeRequest(signal);
  releases[0]();
  await next;
});

Deno.test("a limit shared with others is learned, streams give back slots that history needs, and it grows again", async () => {
  using clock = fakeClock();
  const capacity = createCapacity();
  const { signal } = new AbortController();
  const surplus: number[] = [];
  const releases = await Promise.all(
    Array.from({ length: 31 }, (_, stream) => capacity.takeStream(signal, () => surplus.push(stream))),
  );
  // Another client has 20 of the 50.
  capacity.refused("request");
  releases.pop()!();
  assertEquals(surplus, [22, 23, 24, 25, 26, 27, 28, 29, 30]);
  for (const stream of surplus.filter((stream) => stream < 30)) releases[stream]!();
  assertEquals(await capacity.takeStream(signal, () => {}), undefined);
  await clock.tick(10 * MINUTE);
  assertEquals(typeof await capacity.takeStream(signal, () => {}), "function");
});

Deno.test("market data lines are those that TWS allowed before it refused one, and one more is tried after ten minutes", async () => {
  using clock = fakeClock();
  const capacity = createCapacity();
  const releases = Array.from({ length: 101 }, () => capacity.takeLine()!);
  capacity.refused("line");
  releases.pop()!();
  assertEquals(capacity.takeLine(), undefined);
  const changed = capacity.changed(new AbortController().signal);
  await clock.tick(10 * MINUTE);
  await changed;
  assertEquals(capacity.hasLine, true);
});
