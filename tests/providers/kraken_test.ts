import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createKraken } from "../../src/providers/kraken.ts";
import type { KrakenOptions } from "../../src/providers/kraken/endpoint.ts";
import { createKrakenFeed } from "../../src/providers/kraken/feed.ts";
import { FeedError } from "../../src/providers/live/feed.ts";
import type { SettingError } from "../../src/providers/provider.ts";
import { runSession } from "../support/session.ts";
import type { Bar } from "../../src/records/bar.ts";
import { type FakeKraken, type MarketBar, startFakeKraken } from "../support/fake_kraken.ts";
import { openProvider } from "../support/open_provider.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { testProvider } from "./conformance.ts";

const MINUTE = 60_000;
/** A while ago: long enough for every bar of these tests to be over. */
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;

function bar(minute: number, given: Partial<MarketBar> = {}): MarketBar {
  const price = 100 + minute;
  const prices = { open: price, high: price + 1, low: price - 1, close: price + 0.5 };
  return { symbol: "BTC/USD", ts: START + minute * MINUTE, ...prices, volume: 0.25, trades: 3, ...given };
}

const connect = (fake: FakeKraken, symbols: string[], newest?: ReadonlyMap<string, number>) =>
  openProvider(createKraken, { symbols, newest, variables: fake.variables });

const minutes = (bars: Bar[]) => [...new Set(bars.map(({ ts }) => (ts - START) / MINUTE))].toSorted((a, b) => a - b);

Deno.test("a bar is handed over when a later one begins, with its last values", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  await using feed = await connect(fake, ["BTC/USD"]);
  const connection = await fake.connection();
  connection.update(bar(0, { volume: 0.1, trades: 1 }));
  connection.update(bar(0));
  connection.update(bar(1));
  const [first] = await feed.read((bars) => bars.length === 1);
  assertEquals(
    { symbol: first.symbol, ts: first.ts, volume: first.volume, trades: first.trades, status: first.status },
    { symbol: "BTC/USD", ts: START, volume: 0.25, trades: 3, status: "final" },
  );
  assertEquals(first.provider, "kraken");
});

Deno.test("a state of a bar that is over is a correction", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  await using feed = await connect(fake, ["BTC/USD"]);
  const connection = await fake.connection();
  connection.update(bar(0));
  connection.update(bar(1));
  connection.update(bar(0, { volume: 9 }));
  const bars = await feed.read((bars) => bars.length === 2);
  assertEquals(bars.map(({ volume, status }) => ({ volume, status })), [
    { volume: 0.25, status: "final" },
    { volume: 9, status: "correction" },
  ]);
});

testProvider("kraken", {
  canWait: false,
  async make() {
    const fake = startFakeKraken(["BTC/USD"]);
    const directory = await makeDirectory();
    const variable = (name: string) => fake.variables[name];
    fake.connection().then((connection) => {
      for (let minute = 0; minute < 4; minute++) connection.update(bar(minute));
    });
    return {
      provider: createKraken(providerSettings({ symbols: ["BTC/USD"], dataDir: directory.path, variable })),
      async [Symbol.asyncDispose]() {
        await fake[Symbol.asyncDispose]();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
});

/** Runs one connection to the fake. */
function run(fake: FakeKraken, symbols: string[], given: Partial<KrakenOptions> = {}) {
  return runSession(createKrakenFeed({
    symbols,
    timeframe: "1m",
    stepMs: MINUTE,
    socketUrl: fake.variables.KRAKEN_WS_URL,
    restUrl: fake.variables.KRAKEN_REST_URL,
    provisional: false,
    ...given,
  }));
}

Deno.test("a snapshot holds bars that are over, and the newest, which may be forming", async () => {
  await using fake = startFakeKraken(["BTC/USD", "ETH/USD"]);
  await using session = run(fake, ["BTC/USD", "ETH/USD"]);
  const connection = await fake.connection();
  const now = Math.floor((Date.now() - START) / MINUTE);
  const eth = (minute: number) => bar(minute, { symbol: "ETH/USD" });
  connection.snapshot(bar(now), bar(0), eth(5), eth(2), bar(1));
  connection.update(bar(1, { volume: 9 }), eth(6));
  await session.until(() => session.bars.length === 5);
  assertEquals(
    session.bars.map(({ symbol, ts, volume, status }) => [symbol, (ts - START) / MINUTE, volume, status]),
    [
      ["BTC/USD", 0, 0.25, "final"],
      ["BTC/USD", 1, 0.25, "final"],
      ["ETH/USD", 2, 0.25, "final"],
      ["BTC/USD", 1, 9, "correction"],
      ["ETH/USD", 5, 0.25, "final"],
    ].toSorted((a, b) => Number(a[3] === "correction" || a[1] === 5) - Number(b[3] === "correction" || b[1] === 5)),
  );
});

Deno.test("forming bars are delivered on request, and a minute without trades is not a bar", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  await using session = run(fake, ["BTC/USD"], { provisional: true });
  const connection = await fake.connection();
  connection.update(bar(0, { volume: 0, trades: 0 }), bar(1, { volume: 0.125 }), bar(1), bar(2));
  await session.until(() => session.bars.length === 4);
  assertEquals(session.bars.map(({ ts, volume, status }) => [(ts - START) / MINUTE, volume, status]), [
    [1, 0.125, "provisional"],
    [1, 0.25, "provisional"],
    [1, 0.25, "final"],
    [2, 0.25, "provisional"],
  ]);
});

Deno.test("a quiet connection shows that it is in use, as idle ones are closed", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  await using session = run(fake, ["BTC/USD"], { pingEveryMs: 5 });
  const connection = await fake.connection();
  for (let ping = 0; ping < 3; ping++) await fake.ping();
  connection.update(bar(0), bar(1));
  await session.until(() => session.bars.length > 0);
  assertEquals(session.rejected, []);
});

Deno.test("many symbols are asked for in parts, and each is answered alone", async () => {
  const symbols = Array.from({ length: 250 }, (_, at) => `S${at}/USD`);
  await using fake = startFakeKraken(symbols);
  await using session = run(fake, symbols);
  await session.until(() => session.subscribed.length === 250);
  assertEquals(session.subscribed, symbols);
  assertEquals(fake.subscriptions.map((some) => some.length), [100, 100, 50]);
});

Deno.test("the connection waits for nothing if each symbol is refused", async () => {
  await using fake = startFakeKraken([]);
  await using session = run(fake, ["NO/SUCH", "NOR/THIS"]);
  const error = await session.ended;
  if (!(error instanceof FeedError)) throw error;
  assertEquals(error.message, "Kraken refuses all symbols, the last one: Currency pair not supported NOR/THIS");
  assertEquals(error.isFatal, true);
});

Deno.test("a symbol without an answer is left to the watch over silent ones, a server without any is given up", async () => {
  await using fake = startFakeKraken(["BTC/USD", "ETH/USD"], { silent: ["ETH/USD"] });
  await using session = run(fake, ["BTC/USD", "ETH/USD"], { answerMs: 50 });
  await session.until(() => session.subscribed.length === 2);
  assertEquals(session.subscribed, ["BTC/USD", "ETH/USD"]);
  await using mute = run(fake, ["ETH/USD"], { answerMs: 50 });
  const error = await mute.ended;
  if (!(error instanceof FeedError)) throw error;
  assertEquals([error.message, error.isFatal], ["Kraken did not answer within 50 ms", false]);
});

Deno.test("a pair under its name of REST is left to the server, which refuses it, with the right spelling", async () => {
  await using fake = startFakeKraken(["ETH/USD"]);
  await using feed = await connect(fake, ["XBT/USD", "ETH/USD"]);
  const connection = await fake.connection();
  connection.update(bar(0, { symbol: "ETH/USD" }));
  connection.update(bar(1, { symbol: "ETH/USD" }));
  await feed.read((bars) => bars.length > 0);
  assertEquals(feed.context.notices, ["XBT/USD is refused: Currency pair not supported XBT/USD, try BTC/USD"]);
});

for (
  const [symbol, hint] of [
    ["btc/usd", "try BTC/USD"],
    ["xdg/eur", "try DOGE/EUR"],
    ["ETH-USD", "try ETH/USD"],
    ["XBTUSD", "expected pairs like BTC/USD"],
    ["AAPL", "expected pairs like BTC/USD"],
  ]
) {
  Deno.test(`a symbol spelled ${symbol} is refused with the right spelling`, () => {
    const error = assertThrows(
      () => createKraken(providerSettings({ symbols: [symbol, "AAPLx/USD"] })),
      AggregateError,
    );
    const [problem, ...others] = error.errors as SettingError[];
    assertEquals([problem.option, problem.message], ["symbols", `kraken cannot have a symbol "${symbol}": ${hint}`]);
    assertEquals(others, []);
  });
}

Deno.test("all problems of the settings are reported at once", () => {
  const variables: Record<string, string> = { KRAKEN_WS_URL: "https://ws.kraken.com", KRAKEN_REST_URL: "nowhere" };
  const error = assertThrows(
    () => createKraken(providerSettings({ symbols: [], timeframe: "2m", variable: (name) => variables[name] })),
    AggregateError,
  );
  assertEquals(error.errors.map(({ option }: SettingError) => option), [
    "symbols",
    "timeframe",
    "KRAKEN_WS_URL",
    "KRAKEN_REST_URL",
  ]);
});

Deno.test("an address that is shut out waits for ten minutes", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("", { status: 429 }),
  );
  await using fake = startFakeKraken([]);
  await using session = run(fake, ["BTC/USD"], { socketUrl: `ws://127.0.0.1:${server.addr.port}` });
  const error = await session.ended;
  if (!(error instanceof FeedError)) throw error;
  assertEquals([error.reason, error.cooldownMs, error.isFatal], ["banned", 600_000, false]);
  await server.shutdown();
});

Deno.test("at the start history is asked from the newest stored bar on", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  for (let minute = 0; minute < 30; minute++) fake.history.push(bar(minute));
  await using feed = await connect(fake, ["BTC/USD"], new Map([["BTC/USD", START + 12 * MINUTE]]));
  const bars = await feed.read((bars) => minutes(bars).includes(29));
  assertEquals(minutes(bars)[0] <= 12, true);
  assertMatch(fake.requests[0], /pair=XBTUSD&interval=1/);
});
