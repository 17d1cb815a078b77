import { assert, assertEquals, assertRejects } from "@std/assert";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { FeedError } from "../../src/providers/live/feed.ts";
import { bar, connect, START } from "../support/alpaca.ts";
import { KEY, SECRET, startFakeAlpaca } from "../support/fake_alpaca.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { testProvider } from "./conformance.ts";

testProvider("alpaca", {
  canWait: false,
  async make() {
    const fake = startFakeAlpaca();
    const directory = await makeDirectory();
    fake.connection().then((connection) => {
      for (let minute = 0; minute < 3; minute++) connection.bars(bar(minute), bar(minute, { symbol: "MSFT" }));
    });
    return {
      provider: createAlpaca(providerSettings({ dataDir: directory.path, variable: (name) => fake.variables[name] })),
      async [Symbol.asyncDispose]() {
        await fake[Symbol.asyncDispose]();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
});

Deno.test("bars are final, updates are corrections, and vwap and trades are carried", async () => {
  await using fake = startFakeAlpaca();
  await using feed = await connect(fake, { symbols: ["AAPL", "MSFT"] });
  const connection = await fake.connection();
  connection.bars(bar(0), bar(0, { symbol: "MSFT" }));
  connection.raw('[{"T":"d","S":"AAPL","o":1,"h":1,"l":1,"c":1,"v":1,"t":"2024-07-24T04:00:00Z"},{"T":"new kind"}]');
  connection.updates(bar(0, { volume: 300, trades: 17 }));
  const bars = await feed.read((bars) => bars.length === 3);
  const { receivedAt: _, ...first } = bars[0];
  assertEquals(first, {
    provider: "alpaca",
    symbol: "AAPL",
    timeframe: "1m",
    ts: START,
    open: 100,
    high: 101,
    low: 99,
    close: 100.5,
    volume: 205.25,
    vwap: 100.5,
    trades: 16,
    status: "final",
  });
  assertEquals(bars.map(({ symbol, volume, status }) => ({ symbol, volume, status })).slice(1), [
    { symbol: "MSFT", volume: 205.25, status: "final" },
    { symbol: "AAPL", volume: 300, status: "correction" },
  ]);
  assertEquals(fake.received.map(({ path, message }) => ({ path, message })), [
    { path: "/v2/iex", message: { action: "auth", key: KEY, secret: SECRET } },
    {
      path: "/v2/iex",
      message: { action: "subscribe", bars: ["AAPL", "MSFT"], updatedBars: ["AAPL", "MSFT"] },
    },
  ]);
  assertEquals(feed.context.notices, []);
});

Deno.test("malformed items are rejected one by one, and the connection stays open", async () => {
  await using fake = startFakeAlpaca();
  await using feed = await connect(fake);
  const connection = await fake.connection();
  const bad = [
    null,
    5,
    { T: 7 },
    { T: "b" },
    { T: "b", S: 5, o: 1, h: 1, l: 1, c: 1, v: 1, t: "2024-07-24T07:56:00Z" },
    { T: "b", S: "AAPL", o: "1", h: 1, l: 1, c: 1, v: 1, t: "2024-07-24T07:56:00Z" },
    { T: "b", S: "AAPL", o: 1, h: 1, l: 1, c: 1, v: null, t: "2024-07-24T07:56:00Z" },
    { T: "u", S: "AAPL", o: 1, h: 1, l: 1, c: 1, v: 1, t: 1_721_807_760 },
    { T: "u", S: "AAPL", o: 1, h: 1, l: 1, c: 1, v: 1, t: "2024-07-24T07:56:30Z" },
    { T: "error", code: 999, msg: "unheard of" },
  ];
  const rejected: string[] = [];
  connection.raw("{half");
  connection.raw('{"T":"b"}');
  connection.raw('"text"');
  connection.raw(JSON.stringify(bad));
  connection.bars(bar(0));
  await feed.read((bars, frame) => {
    rejected.push(...frame.rejected.map(({ reason }) => reason));
    return bars.length === 1;
  });
  assertEquals(rejected, [
    "message is not JSON",
    "message is not an array",
    "message is not an array",
    ...Array(3).fill("item has no type"),
    ...Array(5).fill("bar is not as documented"),
    "bar is not of 1m",
    "error is not expected",
  ]);
  assertEquals(feed.losses(), []);
});

const fatal: [number, string, RegExp][] = [
  [402, "auth failed", /check ALPACA_API_KEY and ALPACA_SECRET_KEY \(402 auth failed\)/],
  [409, "insufficient subscription", /no subscription for the feed "iex": set ALPACA_FEED/],
  [410, "invalid subscribe action for this feed", /check ALPACA_STREAM_URL and ALPACA_FEED/],
  [411, "insufficient scope", /may not read market data/],
];
for (const [code, msg, help] of fatal) {
  Deno.test(`error ${code} ends the stream with a sentence that helps`, async () => {
    await using fake = startFakeAlpaca();
    fake.refusals.push({ code, msg });
    await using feed = await connect(fake);
    const error = await assertRejects(() => feed.read(() => false), FeedError);
    assert(help.test(error.message), error.message);
    assert(error.isFatal);
    assertEquals(feed.events.at(-1), { type: "feed-state", provider: "alpaca", state: "failed" });
  });
}

Deno.test("a wrong key ends the stream, and no key is shown", async () => {
  await using fake = startFakeAlpaca();
  await using feed = await connect(fake, { variables: { ALPACA_SECRET_KEY: `${SECRET}x` } });
  const error = await assertRejects(() => feed.read(() => false), FeedError, "check ALPACA_API_KEY");
  assert(!Deno.inspect(error).includes(SECRET));
});

Deno.test("an answer that it is authenticated already is ignored", async () => {
  await using fake = startFakeAlpaca();
  await using feed = await connect(fake);
  const connection = await fake.connection();
  connection.error(403, "already authenticated");
  connection.bars(bar(0));
  await feed.read((bars, frame) => {
    assertEquals(frame.rejected, []);
    return bars.length === 1;
  });
  assertEquals(feed.losses(), []);
});

Deno.test("a handshake refused with 4xx ends the stream, one refused with 5xx is tried again", async () => {
  await using fake = startFakeAlpaca();
  fake.handshakes.push(503, 404);
  await using feed = await connect(fake);
  await assertRejects(() => feed.read(() => false), FeedError, "refuses the connection (HTTP 404)");
  assertEquals(feed.losses(), ["connect"]);
});
