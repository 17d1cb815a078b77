import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHistory, type HistoryOptions } from "../../src/providers/alpaca/history.ts";
import { FeedError } from "../../src/providers/live/feed.ts";
import { assertNoSecrets, bar, connect, MINUTE, minutes, START } from "../support/alpaca.ts";
import { type FakeAlpaca, KEY, SECRET, startFakeAlpaca } from "../support/fake_alpaca.ts";

function createReader(fake: FakeAlpaca, options: Partial<HistoryOptions> = {}) {
  const url = `http://127.0.0.1:${fake.port}/v2/stocks/bars`;
  const history = createHistory({ url, feed: "iex", key: KEY, secret: SECRET, ...options });
  const stop = new AbortController();
  return {
    history,
    stop,
    read: (symbol: string | string[], from: number, to: number) =>
      Array.fromAsync(history.read([symbol].flat(), from, to, stop.signal)),
  };
}

const query = (url: URL) => Object.fromEntries(url.searchParams);

Deno.test("history is read from its start up to before its end, page by page", async () => {
  await using fake = startFakeAlpaca({ pageSize: 2 });
  for (let minute = 0; minute < 9; minute++) {
    fake.history.push(bar(minute, { symbol: "BRK.B" }), bar(minute, { symbol: "MSFT" }));
  }
  const pages = await createReader(fake).read("BRK.B", START + 2 * MINUTE, START + 7 * MINUTE);
  assertEquals(pages.map(minutes), [[2, 3], [4, 5], [6]]);
  assertEquals(pages[0][0], {
    symbol: "BRK.B",
    timeframe: "1m",
    ts: START + 2 * MINUTE,
    open: 102,
    high: 103,
    low: 101,
    close: 102.5,
    volume: 205.25,
    vwap: 102.5,
    trades: 16,
    status: "final",
  });
  assertEquals(query(fake.requests[0]), {
    symbols: "BRK.B",
    timeframe: "1Min",
    start: new Date(START + 2 * MINUTE).toISOString(),
    end: new Date(START + 7 * MINUTE - 1).toISOString(),
    limit: "10000",
    adjustment: "raw",
    feed: "iex",
    sort: "asc",
  });
  assertEquals(fake.requests.map((url) => url.searchParams.get("page_token")), [null, "t2", "t4"]);
});

Deno.test("several symbols are read by one request, whose pages hold bars of any of them", async () => {
  await using fake = startFakeAlpaca({ pageSize: 4 });
  for (let minute = 0; minute < 3; minute++) {
    for (const symbol of ["AAPL", "MSFT", "TSLA"]) fake.history.push(bar(minute, { symbol }));
  }
  const pages = await createReader(fake).read(["AAPL", "NONE", "TSLA", "MSFT"], START, START + 9 * MINUTE);
  const read = pages.map((page) => page.map(({ symbol, ts }) => `${symbol} ${(ts - START) / MINUTE}`));
  assertEquals(read.map((page) => page.toSorted()), [
    ["AAPL 0", "AAPL 1", "AAPL 2", "MSFT 0"],
    ["MSFT 1", "MSFT 2", "TSLA 0", "TSLA 1"],
    ["TSLA 2"],
  ]);
  assertEquals(fake.requests.map((url) => url.searchParams.get("symbols")), Array(3).fill("AAPL,NONE,TSLA,MSFT"));
});

Deno.test("a page without bars is not the last one while it has a token", async () => {
  await using fake = startFakeAlpaca();
  fake.history.push(bar(0));
  fake.mishaps.push({ status: 200, body: { bars: null, next_page_token: "t0" } });
  const pages = await createReader(fake).read("AAPL", START, START + MINUTE);
  assertEquals(pages.map(minutes), [[], [0]]);
  assertEquals(fake.requests.length, 2);
});

Deno.test("the test feed has no history", async () => {
  await using fake = startFakeAlpaca();
  assertEquals(await createReader(fake, { feed: "test" }).read("FAKEPACA", START, START + MINUTE), []);
  assertEquals(fake.requests, []);
});

Deno.test("history reads older bars if young ones are not permitted, and says how far it is behind", async () => {
  await using fake = startFakeAlpaca({ delayMs: 30 * MINUTE });
  for (let minute = 0; minute < 60; minute++) fake.history.push(bar(minute));
  const { history, read } = createReader(fake, { feed: "sip", delayMs: 31 * MINUTE });
  assertEquals(history.lagMs(), 0);
  const pages = await read("AAPL", START, START + 60 * MINUTE);
  const found = minutes(pages.flat());
  assertEquals(found[0], 0);
  assert(found.at(-1)! >= 27 && found.at(-1)! <= 29, `read up to ${found.at(-1)}`);
  assertEquals(history.lagMs(), 31 * MINUTE);
  assertEquals(fake.requests.length, 2);
});

Deno.test("bars known to be too young are not requested", async () => {
  await using fake = startFakeAlpaca();
  fake.history.push(bar(45), bar(50));
  const delayMs = Date.now() - (START + 48 * MINUTE);
  const pages = await createReader(fake, { feed: "delayed_sip", delayMs }).read("AAPL", START, START + 51 * MINUTE);
  assertEquals(minutes(pages.flat()), [45]);
  const [request] = fake.requests;
  assertEquals(request.searchParams.get("feed"), "sip");
  assert(Date.parse(request.searchParams.get("end")!) < START + 48 * MINUTE);
});

Deno.test("the delayed feed asks for nothing young, from the beginning", async () => {
  await using fake = startFakeAlpaca({ delayMs: 15 * MINUTE });
  fake.history.push(bar(0));
  const reader = createReader(fake, { feed: "delayed_sip" });
  assertEquals(minutes((await reader.read("AAPL", START, START + 40 * MINUTE)).flat()), [0]);
  assertEquals(fake.requests.length, 1);
  assertEquals(query(fake.requests[0]).feed, "sip");
});

Deno.test("malformed bars are reported, after the good ones", async () => {
  await using fake = startFakeAlpaca();
  const good = { o: 1, h: 1, l: 1, c: 1, v: 1, t: new Date(START).toISOString() };
  fake.mishaps.push({
    status: 200,
    body: { bars: { AAPL: [null, good, { ...good, c: "1" }] }, next_page_token: null },
  });
  const { history, stop } = createReader(fake);
  const pages = history.read(["AAPL"], START, START + MINUTE, stop.signal)[Symbol.asyncIterator]();
  assertEquals((await pages.next()).value.length, 1);
  await assertRejects(() => pages.next(), FeedError, "2 bars of AAPL: bar is not as documented");
});

Deno.test("a wrong key is reported without showing it", async () => {
  await using fake = startFakeAlpaca();
  const reader = createReader(fake, { secret: `${SECRET}x` });
  const error = await assertRejects(() => reader.read("AAPL", START, START + MINUTE), FeedError, "forbidden.");
  assertNoSecrets(error);
});

Deno.test("a key that a server repeats appears in no error", async () => {
  await using fake = startFakeAlpaca();
  fake.mishaps.push({ status: 400, body: { message: `${KEY} ${SECRET}` } });
  const reader = createReader(fake);
  const error = await assertRejects(() => reader.read("AAPL", START, START + MINUTE), FeedError, "(key) (key)");
  assertNoSecrets(error);
});

Deno.test("a server that throttles or fails is asked again, not before it says", async () => {
  await using fake = startFakeAlpaca();
  fake.mishaps.push({ status: 429, headers: { "Retry-After": "1" } }, { status: 500 });
  for (let minute = 0; minute < 5; minute++) fake.history.push(bar(minute));
  const started = performance.now();
  await using feed = await connect(fake, { newest: new Map([["AAPL", START]]) });
  assertEquals(minutes(await feed.read((bars) => bars.length === 5)), [0, 1, 2, 3, 4]);
  assertEquals(fake.requests.length, 3);
  assert(performance.now() - started >= 1000);
  // The last day of what an earlier version stored.
  const from = new Date(START + MINUTE - 24 * 60 * MINUTE).toISOString();
  assertMatch(fake.requests[0].href, new RegExp(encodeURIComponent(from)));
  assertEquals(feed.losses(), []);
});
