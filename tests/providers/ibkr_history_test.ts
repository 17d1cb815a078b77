import { assert, assertEquals } from "@std/assert";
import { readBar } from "../../src/providers/ibkr/bars.ts";
import { type Listing, readSymbol } from "../../src/providers/ibkr/contract.ts";
import { createAccount } from "../../src/providers/ibkr/account.ts";
import { createIbkrFeed } from "../../src/providers/ibkr/feed.ts";
import { fakeClock } from "../support/clock.ts";
import { type FakeOptions, type FakeTws, startFakeTws } from "../support/fake_tws.ts";
import { bar, connect, MINUTE, START } from "../support/ibkr.ts";

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Bars of a symbol's past. */
async function readAll(fake: FakeTws, symbol: string, timeframe: string, from: number, to: number) {
  const listing = readSymbol(symbol) as Listing;
  const feed = createIbkrFeed({
    account: createAccount({ host: "127.0.0.1", port: fake.port, clientId: 0 }, timeframe),
    listings: [listing],
    timeframe,
    provisional: false,
    timing: { retryMs: 1 },
  });
  await using _opened = feed.openHistory!();
  const starts: number[] = [];
  for await (const bars of feed.history([symbol], from, to, new AbortController().signal)) {
    starts.push(...bars.map(({ ts }) => ts));
  }
  return starts;
}

/** Puts bars from `from` to before `to` into history, where `isOpen` says so, and gives their starts. */
function fill(fake: FakeTws, symbol: string, stepMs: number, from: number, to: number, isOpen = (_: Date) => true) {
  const starts: number[] = [];
  for (let ts = from; ts < to; ts += stepMs) if (isOpen(new Date(ts))) starts.push(ts);
  fake.history.push(...starts.map((ts) => bar(0, { symbol, ts })));
  return starts;
}

const isWeekday = (date: Date) => date.getUTCDay() % 6 !== 0;
const isSession = (date: Date) => isWeekday(date) && date.getUTCHours() >= 9;

const MODES: FakeOptions[] = [{ countsDates: false }, { countsDates: true }];
for (const mode of MODES) {
  const how = mode.countsDates ? "days of trade" : "days of the calendar";

  Deno.test(`ten years of daily bars take a dozen requests, counted in ${how}`, async () => {
    await using fake = startFakeTws(mode);
    const to = Math.floor(Date.now() / DAY) * DAY;
    const from = to - 3652 * DAY;
    const stored = fill(fake, "AAPL", DAY, from - 30 * DAY, to, isWeekday);
    assertEquals(await readAll(fake, "AAPL", "1d", from, to), stored.filter((ts) => ts >= from));
    assert(fake.asked.length <= 13, `${fake.asked.length} requests`);
    assertEquals(fake.asked[0].duration, "1 Y");
  });

  Deno.test(`three weeks of minutes are complete, counted in ${how}`, async () => {
    await using fake = startFakeTws(mode);
    const to = Math.floor(START / DAY) * DAY - 5 * HOUR;
    const from = to - 21 * DAY + 3 * HOUR;
    const stored = fill(fake, "AAPL", 5 * MINUTE, from - DAY, to, isSession);
    // Bars of every fifth minute: the others had no trades.
    assertEquals(await readAll(fake, "AAPL", "1m", from, to), stored.filter((ts) => ts >= from));
    // Weekends are asked for eight hours at a time; where a day of trade ends between two sessions, nights too.
    const most = mode.countsDates ? 4 * 21 : 2 * 21;
    assert(fake.asked.length <= most, `${fake.asked.length} requests`);
    assertEquals(fake.asked[0].duration, "1 D");
  });

  Deno.test(`months without bars are passed over, counted in ${how}`, async () => {
    await using fake = startFakeTws(mode);
    const to = Math.floor(START / DAY) * DAY;
    const early = fill(fake, "AAPL", HOUR, to - 150 * DAY, to - 148 * DAY);
    const late = fill(fake, "AAPL", HOUR, to - 2 * DAY, to);
    assertEquals(await readAll(fake, "AAPL", "1h", to - 150 * DAY, to), [...early, ...late]);
    assert(fake.asked.length <= 14, `${fake.asked.length} requests`);
  });
}

Deno.test("a quarter of an hour, an hour and a short range are asked for in the shortest duration that covers them", async () => {
  for (
    const [timeframe, rangeMs, duration] of [
      ["5s", 3 * MINUTE, "180 S"],
      ["1m", 3 * MINUTE, "180 S"],
      ["1m", 20 * HOUR, "1 D"],
      ["15m", 6 * DAY, "1 W"],
      ["1d", 100 * DAY, "1 Y"],
    ] as const
  ) {
    await using fake = startFakeTws();
    const to = Math.floor(START / DAY) * DAY - 2 * DAY;
    await readAll(fake, "AAPL", timeframe, to - rangeMs, to);
    assertEquals(fake.asked[0].duration, duration, timeframe);
  }
});

Deno.test("a bar of an hour that the end of a range cuts in two is asked for whole", async () => {
  await using fake = startFakeTws();
  const to = Math.floor(START / DAY) * DAY;
  const stored = fill(fake, "AAPL", HOUR, to - 4.5 * HOUR, to);
  assertEquals(await readAll(fake, "AAPL", "1h", to - 4 * HOUR, to), stored.slice(1));
  assertEquals(fake.asked[0].end, `${new Date(to).toISOString().slice(0, 10).replaceAll("-", "")}-01:00:00`);
});

Deno.test("an expired future has history, and its multiplier selects one of two sizes", async () => {
  await using fake = startFakeTws();
  const to = Math.floor(START / DAY) * DAY;
  const month = new Date(to - 400 * DAY).toISOString().slice(0, 7).replace("-", "");
  const [es, dax] = [`ES:FUT:CME:${month}`, `DAX:FUT:EUREX:${month}:EUR:25`];
  fill(fake, "ES", MINUTE, to - 401 * DAY, to - 401 * DAY + HOUR);
  fill(fake, "DAX", MINUTE, to - 401 * DAY, to - 401 * DAY + HOUR);
  for (const symbol of [es, dax]) {
    assertEquals((await readAll(fake, symbol, "1m", to - 401 * DAY, to - 400 * DAY)).length, 60, symbol);
  }
  assertEquals(fake.asked.at(-1)!.multiplier, "25");
});

Deno.test("requests that TWS has answered are not cancelled", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { newest: new Map([["AAPL", START]]) });
  const tws = await fake.connection();
  await tws.subscription("AAPL");
  await feed.told(() => feed.events.some(({ type }) => type === "rest-call"));
  const answered = fake.asked.filter(({ keepUpToDate }) => !keepUpToDate).map(({ id }) => id);
  assert(answered.length > 0);
  assertEquals(tws.cancelled.filter((id) => answered.includes(id)), []);
});

Deno.test("a trading day that begins before its date in UTC is no error", () => {
  const listing = readSymbol("ES:FUT:CME:202703") as Listing;
  const read = (now: string, date: string) => {
    using _clock = fakeClock(Date.parse(now));
    const prices = { open: 5, high: 6, low: 4, close: 5, volume: 10, count: 2, wap: 5 };
    const bar = readBar({ date, ...prices }, listing, "1d");
    return typeof bar === "object" ? new Date(bar.ts).toISOString() : bar;
  };
  // Sydney's Monday, and Chicago's, which begins on Sunday evening.
  assertEquals(read("2026-10-18T23:10:00Z", "20261019"), "2026-10-19T00:00:00.000Z");
  assertEquals(read("2026-10-18T22:05:00Z", "20261019"), "2026-10-19T00:00:00.000Z");
  // Hong Kong's Friday evening belongs to Monday: a bar that far ahead cannot be stored yet.
  assertEquals(read("2026-10-16T09:30:00Z", "20261019"), undefined);
  assertEquals(typeof read("2026-10-16T09:30:00Z", "20271019"), "string");
});

Deno.test("updates of a trading day before its date are no dead letters, and its bar is stored when it is over", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { symbols: ["AAPL"], timeframe: "1d" });
  const tws = await fake.connection();
  await tws.subscription("AAPL");
  const today = Math.floor(Date.now() / DAY) * DAY;
  for (const ts of [today - DAY, today, today + DAY]) tws.update(bar(0, { ts }));
  const rejected: string[] = [];
  const bars = await feed.read((bars, frame) => {
    rejected.push(...frame.rejected.map(({ reason }) => reason));
    return bars.length === 2;
  });
  assertEquals(bars.map(({ ts }) => ts), [today - DAY, today]);
  assertEquals(rejected, []);
});

Deno.test("a bar whose last states did not come is made up for by history", async () => {
  await using fake = startFakeTws();
  // Any silence is too long.
  await using feed = await connect(fake, { timing: { quietMs: 0 } });
  const tws = await fake.connection();
  await tws.subscription("AAPL");
  const ts = Math.floor(Date.now() / MINUTE) * MINUTE - 2 * MINUTE;
  tws.update(bar(0, { ts, volume: 240 }));
  fake.history.push(bar(0, { ts, volume: 719 }));
  tws.update(bar(1, { ts: ts + MINUTE }));
  const bars = await feed.read((bars) => bars.some(({ volume }) => volume === 719));
  // Meanwhile the next bar may have ended too.
  assertEquals(bars.filter((bar) => bar.ts === ts).map(({ volume }) => volume), [240, 719]);
  assert(!feed.events.some(({ type }) => type === "feed-lost"));
});
