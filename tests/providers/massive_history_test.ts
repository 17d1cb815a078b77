import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { FeedBar } from "../../src/providers/live/feed.ts";
import { FeedError } from "../../src/providers/live/feed.ts";
import { completeUntil, readHistory } from "../../src/providers/live/history/range.ts";
import { createPace } from "../../src/providers/massive/pace.ts";
import { alterJson } from "../support/lapse.ts";
import type { MassiveOptions } from "../../src/providers/massive/endpoint.ts";
import { createMassiveFeed } from "../../src/providers/massive/feed.ts";
import { fakeClock } from "../support/clock.ts";
import { type FakeMassive, KEY, startFakeMassive } from "../support/fake_massive.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const START = Date.UTC(2025, 0, 6, 15);

function createFeed(fake: FakeMassive, given: Partial<MassiveOptions> = {}) {
  return createMassiveFeed({
    symbols: ["AAPL"],
    timeframe: "1m",
    channel: "AM",
    key: KEY,
    socketUrl: fake.variables.MASSIVE_STREAM_URL,
    restUrl: fake.variables.MASSIVE_REST_URL,
    requestsPerMinute: 60_000,
    backoffMs: 1,
    ...given,
  });
}

/** Reads history as a supervisor does. */
async function read(
  fake: FakeMassive,
  { symbol = "AAPL", from = START, to = START + 10 * MINUTE, ...given }:
    & Partial<MassiveOptions>
    & { symbol?: string; from?: number; to?: number } = {},
): Promise<FeedBar[]> {
  const feed = createFeed(fake, { symbols: [symbol], ...given });
  const bars: FeedBar[] = [];
  for await (const some of feed.history([symbol], from, to, new AbortController().signal)) {
    bars.push(...some);
  }
  return bars;
}

/** Fills history with minutes from the start on. */
function fill(fake: FakeMassive, minutes: number, symbol = "AAPL"): void {
  for (let at = 0; at < minutes; at++) {
    fake.history.push({ symbol, ts: START + at * MINUTE, open: 2, high: 4, low: 1, close: 3, volume: 0.5 + at });
  }
}
const minutes = (bars: readonly FeedBar[]) => bars.map(({ ts }) => (ts - START) / MINUTE);

Deno.test("history is asked for raw bars in order, and its end is exclusive", async () => {
  await using fake = startFakeMassive();
  fill(fake, 12);
  const bars = await read(fake, { from: START + 2 * MINUTE, to: START + 5 * MINUTE });
  assertEquals(minutes(bars), [2, 3, 4]);
  assertEquals(bars[0], {
    symbol: "AAPL",
    timeframe: "1m",
    ts: START + 2 * MINUTE,
    open: 2,
    high: 4,
    low: 1,
    close: 3,
    volume: 2.5,
    vwap: 3,
    trades: 12,
    status: "final",
  });
  const [{ path, query }] = fake.requests;
  assertEquals(path, `/v2/aggs/ticker/AAPL/range/1/minute/${START + 2 * MINUTE}/${START + 5 * MINUTE - 1}`);
  assertEquals(Object.fromEntries(query), { adjusted: "false", sort: "asc", limit: "50000" });
});

Deno.test("pages are followed on the configured host, each with the key in its header alone", async () => {
  await using fake = startFakeMassive({ pageSize: 4 });
  fill(fake, 10);
  assertEquals(minutes(await read(fake)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(fake.requests.map(({ query }) => query.get("cursor")), [null, "4", "8"]);
  assertEquals(new Set(fake.requests.map(({ authorization }) => authorization)), new Set([`Bearer ${KEY}`]));
  assert(fake.requests.every(({ path, query }) => !`${path}${query}`.includes(KEY)));
});

Deno.test("a long range is asked for a month at a time, without overlap or hole", async () => {
  await using fake = startFakeMassive();
  for (const day of [0, 29, 30, 31, 59, 60, 69]) {
    fake.history.push({ symbol: "AAPL", ts: START + day * DAY, open: 2, high: 4, low: 1, close: 3, volume: 1 });
  }
  const bars = await read(fake, { to: START + 70 * DAY });
  assertEquals(bars.map(({ ts }) => (ts - START) / DAY), [0, 29, 30, 31, 59, 60, 69]);
  assertEquals(
    fake.requests.map(({ path }) => path.split("/").slice(-2).map((at) => (Number(at) - START) / DAY)),
    [[0, 30 - 1 / DAY], [30, 60 - 1 / DAY], [60, 70 - 1 / DAY]],
  );
});

Deno.test("seconds are asked for as seconds, a day at a time", async () => {
  await using fake = startFakeMassive();
  await read(fake, { timeframe: "1s", channel: "A", to: START + 2 * DAY });
  assertEquals(fake.requests.map(({ path }) => path.split("/")[7]), ["second", "second"]);
});

for (
  const [timeframe, path, stepMs] of [["15m", "15/minute", 15], ["1h", "1/hour", 60], ["1d", "1/day", 1440]] as const
) {
  Deno.test(`bars of ${timeframe} are asked for as ${path}`, async () => {
    await using fake = startFakeMassive();
    // Days start at midnight in New York.
    const first = Math.ceil(START / DAY) * DAY + (timeframe === "1d" ? 5 * 60 * MINUTE : 0);
    for (const at of [0, 1, 2]) {
      fake.history.push({
        symbol: "AAPL",
        ts: first + at * stepMs * MINUTE,
        open: 2,
        high: 4,
        low: 1,
        close: 3,
        volume: 1,
      });
    }
    const bars = await read(fake, { timeframe, from: Math.floor(first / DAY) * DAY, to: first + 2 * DAY });
    assertEquals(bars.map(({ ts }) => (ts - first) / stepMs / MINUTE), timeframe === "1d" ? [0, 1] : [0, 1, 2]);
    assertEquals(bars[0].timeframe, timeframe);
    assertEquals(fake.requests[0].path.split("/").slice(6, 8).join("/"), path);
  });
}

Deno.test("an answer without results has no bars, and an empty range makes no request", async () => {
  await using fake = startFakeMassive();
  assertEquals(await read(fake), []);
  assertEquals(fake.requests.length, 1);
  assertEquals(await read(fake, { to: START }), []);
  assertEquals(await read(fake, { to: START - DAY }), []);
  assertEquals(fake.requests.length, 1);
});

Deno.test("symbols are written into the address safely", async () => {
  await using fake = startFakeMassive();
  await read(fake, { symbol: "A/B?apiKey=x" });
  assertEquals(fake.requests[0].path.split("/")[4], "A%2FB%3FapiKey%3Dx");
});

Deno.test("rows outside the range are left out, malformed ones are reported after the good ones", async () => {
  await using fake = startFakeMassive();
  const good = { v: 1, o: 2, h: 4, l: 1, c: 3, t: START };
  const results = [good, null, 5, { ...good, o: "2" }, { ...good, t: START + 1 }, { ...good, t: START - MINUTE }];
  fake.script.mishaps.push({ status: 200, body: { status: "OK", results, resultsCount: 6 } });
  const pages = createFeed(fake).history(["AAPL"], START, START + 10 * MINUTE, new AbortController().signal);
  const read = pages[Symbol.asyncIterator]();
  assertEquals((await read.next()).value, [{
    symbol: "AAPL",
    timeframe: "1m",
    ts: START,
    open: 2,
    high: 4,
    low: 1,
    close: 3,
    volume: 1,
    vwap: undefined,
    trades: undefined,
    status: "final",
  }]);
  await assertRejects(() => read.next(), FeedError, "4 bars of AAPL: bar is not as documented");
});

Deno.test("a storm of 429, 500, 413 and 499 is waited out", async () => {
  await using fake = startFakeMassive();
  fill(fake, 3);
  fake.script.mishaps.push(
    { status: 429, body: { status: "ERROR", error: "You've exceeded the maximum requests per minute" } },
    { status: 500 },
    { status: 413 },
    { status: 499 },
    { status: 503, headers: { "retry-after": "0" } },
  );
  assertEquals(minutes(await read(fake)), [0, 1, 2]);
  assertEquals(fake.requests.length, 6);
});

Deno.test("a page in the middle is asked for again too", async () => {
  await using fake = startFakeMassive({ pageSize: 2 });
  fill(fake, 4);
  fake.script.mishaps.push(undefined, { status: 429 });
  assertEquals(minutes(await read(fake)), [0, 1, 2, 3]);
  assertEquals(fake.requests.map(({ query }) => query.get("cursor")), [null, "2", "2"]);
});

Deno.test("a pace that is given is kept, also after a 429", async () => {
  await using fake = startFakeMassive();
  using clock = fakeClock(START);
  const { fetch } = globalThis;
  const at: number[] = [];
  globalThis.fetch = () => {
    at.push(clock.now);
    return Promise.resolve(Response.json({ status: "OK", resultsCount: 0 }, { status: at.length === 1 ? 429 : 200 }));
  };
  try {
    // Each of 30 months is a request.
    let isDone = false;
    const reading = read(fake, { requestsPerMinute: 60, to: START + 900 * DAY }).then(() => isDone = true);
    while (!isDone) await clock.tick(1000);
    await reading;
  } finally {
    globalThis.fetch = fetch;
  }
  assertEquals(at.length, 31);
  const perMinute = 29 / (at.at(-1)! - at[1]) * MINUTE;
  assert(Math.abs(perMinute - 60) < 3, `${perMinute} requests a minute`);
});

Deno.test("a 429 brings requests down to five a minute, which is said once, and a calm brings them up again", async () => {
  using clock = fakeClock(START);
  const notices: string[] = [];
  const { bucket, heard } = createPace(undefined, (message) => void notices.push(message));
  const perMinute = () => Math.round(bucket.perSecond * 60);
  assertEquals(perMinute(), 1200);
  heard("throttled");
  assertEquals(perMinute(), 5);
  await clock.tick(MINUTE - 1);
  heard("ok");
  assertEquals(perMinute(), 5);
  for (let minute = 1; minute <= 25; minute++) {
    await clock.tick(MINUTE);
    heard("ok");
  }
  assertEquals(perMinute(), 1200, "twenty minutes later it is what it was");
  heard("throttled");
  assertEquals([perMinute(), notices.length], [1145, 1]);
  assertStringIncludes(notices[0], "Massive answers 429");
});

Deno.test("on the free plan a growth that is refused is taken back, and tried ever more seldom", async () => {
  using clock = fakeClock(START);
  const { bucket, heard } = createPace(undefined);
  const refusals: number[] = [];
  heard("throttled");
  for (let minute = 1; minute <= 600; minute++) {
    await clock.tick(MINUTE);
    if (bucket.perSecond * 60 > 5.01) {
      refusals.push(minute);
      heard("throttled");
    } else heard("ok");
  }
  assertEquals(Math.round(bucket.perSecond * 60), 5);
  assert(refusals.length <= 15, `${refusals.length} refusals in ten hours`);
});

Deno.test("an answer of a delayed plan shows that history is a quarter of an hour behind", async () => {
  await using fake = startFakeMassive();
  const feed = createFeed(fake);
  assertEquals(feed.historyLagMs, 0);
  fill(fake, 1);
  fake.lapses.lapse = alterJson((body) => ({ ...body, status: "DELAYED" }));
  const { signal } = new AbortController();
  assertEquals((await Array.fromAsync(feed.history(["AAPL"], START, START + MINUTE, signal))).flat().length, 1);
  assertEquals(feed.historyLagMs, 15 * MINUTE);
});

Deno.test("every host of delayed plans has a history that is a quarter of an hour behind", async () => {
  await using fake = startFakeMassive();
  const hosts = [
    ...[
      "delayed.massive.com",
      "delayed.polygon.io",
      "delayed-business.massive.com",
      "delayed-nasdaq-basic-business.x.y",
    ],
    ...["socket.massive.com", "business.massive.com", "starterfeed.massive.com", "proxy.example/delayed."],
  ];
  const lags = hosts.map((host) => createFeed(fake, { socketUrl: `wss://${host}/stocks` }).historyLagMs! / MINUTE);
  assertEquals(lags, [15, 15, 15, 15, 0, 0, 0, 0]);
});

Deno.test("no more is claimed for an unknown delayed plan than was read", async () => {
  await using fake = startFakeMassive();
  const now = Date.now();
  const feed = createFeed(fake);
  const stepsBack = (ms: number) => Math.floor((now - ms) / MINUTE) * MINUTE;
  for (let ts = stepsBack(30 * MINUTE); ts <= stepsBack(16 * MINUTE); ts += MINUTE) {
    fake.history.push({ symbol: "AAPL", ts, open: 2, high: 4, low: 1, close: 3, volume: 1 });
  }
  fake.lapses.lapse = alterJson((body) => ({ ...body, status: "DELAYED" }));
  let clock = 0;
  await readHistory({
    feed,
    asked: new Map([["AAPL", [stepsBack(30 * MINUTE), stepsBack(0)]]]),
    signal: new AbortController().signal,
    clock: () => clock++,
    hand: (_bars, _asOf, onEnded) => Promise.resolve(onEnded("committed")),
  });
  const until = completeUntil(feed, MINUTE, now);
  assert(until <= now - 14 * MINUTE && until >= now - 17 * MINUTE, `${(now - until) / MINUTE} minutes ago`);
});

Deno.test("a wrong key is distinguished from a plan without the data, and neither is tried again", async () => {
  await using fake = startFakeMassive();
  const key = "wr0ng-k3y";
  const unknown = await assertRejects(() => read(fake, { key }), FeedError, "Unknown API Key");
  assert(unknown.isFatal && unknown.message.includes("check MASSIVE_API_KEY"), unknown.message);
  assert(!unknown.message.includes(key));
  const message = "You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing";
  fake.script.mishaps.push({ status: 403, body: { status: "NOT_AUTHORIZED", message } });
  const refused = await assertRejects(() => read(fake), FeedError, "not entitled to this data");
  // Other times, or symbols, may well be read.
  assertEquals([refused.isFatal, refused.reason], [false, "entitlement"]);
  assert(!refused.message.includes("MASSIVE_API_KEY"));
  assertEquals(fake.requests.length, 2);
});

Deno.test("a key that a server repeats appears in no error", async () => {
  await using fake = startFakeMassive();
  fake.script.mishaps.push({ status: 401, body: { error: `Unknown API Key ${KEY}` } });
  const error = await assertRejects(() => read(fake), FeedError, "Unknown API Key (key)");
  assert(!Deno.inspect(error).includes(KEY));
});
