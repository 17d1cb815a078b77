import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createBinance } from "../../src/providers/binance.ts";
import type { BinanceOptions } from "../../src/providers/binance/endpoint.ts";
import { createBinanceFeed } from "../../src/providers/binance/feed.ts";
import { FeedError } from "../../src/providers/live/feed.ts";
import type { SettingError } from "../../src/providers/provider.ts";
import { type FakeBinance, startFakeBinance, toMessage } from "../support/fake_binance.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { runSession } from "../support/session.ts";
import { testProvider } from "./conformance.ts";

const MINUTE = 60_000;
/** A while ago: long enough for every bar of these tests to be over. */
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 3000 * MINUTE;

function bar(minute: number, given: Partial<MarketBar> = {}): MarketBar {
  const prices = { open: 100, high: 101, low: 99, close: 100.5 };
  return { symbol: "BTCUSDT", ts: START + minute * MINUTE, ...prices, volume: 0.25, trades: 3, ...given };
}

function createFeed(fake: FakeBinance, given: Partial<BinanceOptions> = {}) {
  return createBinanceFeed({
    symbols: ["BTCUSDT"],
    timeframe: "1m",
    socketUrl: fake.variables.BINANCE_WS_URL,
    restUrl: fake.variables.BINANCE_REST_URL,
    provisional: false,
    backoffMs: 1,
    ...given,
  });
}
const run = (fake: FakeBinance, given: Partial<BinanceOptions> = {}) => runSession(createFeed(fake, given));
const read = async (fake: FakeBinance, from: number, to: number, symbol = "BTCUSDT") => {
  const range = [START + from * MINUTE, START + to * MINUTE] as const;
  return await Array.fromAsync(createFeed(fake).history([symbol], ...range, new AbortController().signal));
};

/** The error that a connection ended with. */
async function faultOf({ ended }: { ended: Promise<unknown> }): Promise<FeedError> {
  const error = await ended;
  if (!(error instanceof FeedError)) throw error;
  return error;
}

testProvider("binance", {
  canWait: false,
  async make() {
    const fake = startFakeBinance();
    const directory = await makeDirectory();
    const variable = (name: string) => fake.variables[name];
    fake.connection().then((connection) => {
      for (let minute = 0; minute < 3; minute++) connection.bars(bar(minute));
    });
    return {
      provider: createBinance(providerSettings({ symbols: ["BTCUSDT"], dataDir: directory.path, variable })),
      async [Symbol.asyncDispose]() {
        await fake[Symbol.asyncDispose]();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
});

Deno.test("a kline is a bar when it has ended; its VWAP is the amount paid divided by the volume", async () => {
  await using fake = startFakeBinance();
  await using session = run(fake);
  const connection = await fake.connection();
  connection.forming(bar(0, { volume: 0.125 }));
  connection.bars(bar(0));
  connection.forming(bar(0, { volume: 0.125 }), bar(1));
  connection.bars(bar(1), bar(2, { volume: 0, trades: 0 }), bar(1, { volume: 0.5 }));
  await session.until(() => session.bars.length === 3);
  assertEquals(session.bars[0], {
    symbol: "BTCUSDT",
    timeframe: "1m",
    ts: START,
    open: 100,
    high: 101,
    low: 99,
    close: 100.5,
    volume: 0.25,
    vwap: 100.5,
    trades: 3,
    status: "final",
  });
  assertEquals(session.bars.map(({ ts, volume, status }) => [(ts - START) / MINUTE, volume, status]), [
    [0, 0.25, "final"],
    [1, 0.25, "final"],
    [1, 0.5, "correction"],
  ]);
  assertEquals(fake.received.map(({ path, message }) => [path, message.params]), [
    ["/stream", ["btcusdt@kline_1m"]],
  ]);
});

Deno.test("forming bars are delivered on request, but not after their end", async () => {
  await using fake = startFakeBinance();
  await using session = run(fake, { provisional: true });
  const connection = await fake.connection();
  connection.forming(bar(0, { volume: 0.125 }));
  connection.bars(bar(0));
  connection.forming(bar(0, { volume: 0.125 }), bar(1));
  await session.until(() => session.bars.length === 3);
  assertEquals(session.bars.map(({ volume, status }) => [volume, status]), [
    [0.125, "provisional"],
    [0.25, "final"],
    [0.25, "provisional"],
  ]);
});

Deno.test("a kline whose end did not come is asked of history", async () => {
  await using fake = startFakeBinance();
  await using session = run(fake);
  const connection = await fake.connection();
  await session.until(() => session.subscribed.length === 1);
  connection.forming(bar(0));
  connection.bars(bar(1));
  await session.until(() => session.bars.length === 1);
  assertEquals([session.subscribed, session.interrupted], [["BTCUSDT", "BTCUSDT"], ["BTCUSDT"]]);
});

Deno.test("thousands of streams are spread over sockets of 1024, at no more than five messages a second", async () => {
  const symbols = Array.from({ length: 1500 }, (_, at) => `S${at}USDT`);
  await using fake = startFakeBinance({ known: symbols });
  await using session = run(fake, { symbols });
  await session.until(() => session.subscribed.length === 1500);
  const connections = [await fake.connection(), await fake.connection()];
  assertEquals(connections.map(({ streams }) => streams.size).toSorted(), [1024, 476].toSorted());
  assertEquals(session.subscribed.toSorted(), symbols.toSorted());
  const at = fake.received.filter(({ message }) => message.id <= 6).map(({ at }) => at);
  // Both sockets together: ten messages, the sixth of the longer one at least a second after its first.
  assertEquals(at.length, 9);
  assert(at.at(-1)! - at[0] >= 1000, `${at.at(-1)! - at[0]} ms`);
  // When one is lost, so is the other: there is one connection to the supervisor.
  connections[0].close();
  assertEquals((await faultOf(session)).reason, "closed");
  await connections[1].gone;
});

Deno.test("a refused stream is found by halving, and the others keep running", async () => {
  const symbols = Array.from({ length: 9 }, (_, at) => `S${at}USDT`);
  await using fake = startFakeBinance({ known: symbols, refused: ["s4usdt@kline_1m"] });
  await using session = run(fake, { symbols });
  await session.until(() => session.subscribed.length === 8);
  assertEquals(session.refused.map((text) => text.split(":", 1)[0]), ["S4USDT"]);
});

Deno.test("unknown symbols are refused by name; without any other the connection waits for nothing", async () => {
  await using fake = startFakeBinance();
  await using session = run(fake, { symbols: ["NOSUCH", "BTCUSDT"] });
  await session.until(() => session.refused.length === 1);
  assertEquals(session.refused, ["NOSUCH: Binance has no symbol NOSUCH (-1121 Invalid symbol)"]);
  await using none = run(fake, { symbols: ["NOSUCH"] });
  const error = await faultOf(none);
  assertEquals(error.isFatal, true);
  assert(error.message.startsWith("Binance has none of the symbols"), error.message);
});

Deno.test("a server that is shut down, or does not answer, is left", async () => {
  await using fake = startFakeBinance();
  for (const wrap of [(data: unknown) => ({ stream: "!serverShutdown", data }), (data: unknown) => data]) {
    await using session = run(fake);
    (await fake.connection()).raw(JSON.stringify(wrap({ e: "serverShutdown", E: 1 })));
    const error = await faultOf(session);
    assertEquals([error.reason, error.isFatal, error.cooldownMs], ["shutdown", false, 0]);
  }
  fake.script.isMute = true;
  await using mute = run(fake, { answerMs: 20 });
  assertEquals((await faultOf(mute)).message, "Binance did not answer within 20 ms");
});

Deno.test("a socket is asked for signs of life, and given up without any", async () => {
  await using fake = startFakeBinance();
  await using session = run(fake, { keepAliveMs: 300 });
  // The fourth is asked for after more time than silence is given.
  for (let probe = 0; probe < 4; probe++) await fake.probe();
  fake.script.isMute = true;
  assertEquals((await faultOf(session)).reason, "silence");
});

Deno.test("the error of a blocked country names the alternatives, on the stream and in history", async () => {
  await using fake = startFakeBinance({ handshakes: [451, 429], mishaps: [undefined, { status: 451 }] });
  await using session = run(fake);
  const error = await faultOf(session);
  assert(error.isFatal && error.message.includes("HTTP 451") && error.message.includes("--provider kraken"));
  await using banned = run(fake);
  assertEquals((await faultOf(banned)).cooldownMs, 300_000);
  await read(fake, 0, 1);
  const history = await assertRejects(() => read(fake, 0, 1), FeedError, "HTTP 451");
  assert(history.isFatal);
});

Deno.test("history is read in pages of a thousand, without forming bars and minutes without trades", async () => {
  await using fake = startFakeBinance();
  const now = Math.floor((Date.now() - START) / MINUTE);
  for (let minute = 0; minute <= now; minute++) {
    fake.history.push(minute % 7 === 3 ? bar(minute, { volume: 0, trades: 0 }) : bar(minute));
  }
  const pages = await read(fake, 0.5, 5000);
  const minutes = pages.flat().map(({ ts }) => (ts - START) / MINUTE);
  assertEquals(minutes, Array.from({ length: now }, (_, minute) => minute).filter((at) => at > 0 && at % 7 !== 3));
  const starts = fake.requests.map((url) => (Number(url.searchParams.get("startTime")) - START) / MINUTE);
  assertEquals(starts.slice(0, 3), [1, 1001, 2001]);
});

Deno.test("a blocked client waits for the given time, also with its other requests", async () => {
  await using fake = startFakeBinance();
  fake.history.push(bar(0));
  fake.script.mishaps.push({ status: 418, headers: { "retry-after": "1" } });
  const feed = createFeed(fake);
  const { signal } = new AbortController();
  const ask = () => Array.fromAsync(feed.history(["BTCUSDT"], START, START + MINUTE, signal));
  const startedAt = performance.now();
  const [first] = await Promise.all([ask(), new Promise((resolve) => setTimeout(resolve, 200)).then(ask)]);
  assert(performance.now() - startedAt >= 1000);
  assertEquals(first.flat().length, 1);
  assertEquals(fake.requests.length, 3);
});

Deno.test("bad rows are reported after the good ones", async () => {
  await using fake = startFakeBinance();
  fake.history.push(bar(1));
  const [good] = [[START, "1", "1", "1", "1", "1", START + MINUTE - 1, "1", 1]];
  const bad = [5, [], good.with(1, 1), good.with(2, "0.5"), good.with(5, "-1"), good.with(6, START), good.with(8, 0.5)];
  fake.script.mishaps.push({ status: 200, body: [good, ...bad] });
  await assertRejects(() => read(fake, 0, 2), FeedError, "7 bars of BTCUSDT: kline is not as documented");
});

for (
  const [symbol, hint] of [
    ["BTC/USDT", "try BTCUSDT"],
    ["btcusdt", "try BTCUSDT"],
    ["btc-usdt", "try BTCUSDT"],
    ["/", "expected symbols like BTCUSDT"],
  ]
) {
  Deno.test(`a symbol spelled ${symbol} is refused with the right spelling`, () => {
    const error = assertThrows(
      () => createBinance(providerSettings({ symbols: [symbol, "币安人生USDT"] })),
      AggregateError,
    );
    assertEquals(error.errors.map(({ option, message }: SettingError) => [option, message]), [
      ["symbols", `binance cannot have a symbol "${symbol}": ${hint}`],
    ]);
  });
}

Deno.test("all problems of the settings are reported at once", () => {
  const variables: Record<string, string> = { BINANCE_WS_URL: "https://x", BINANCE_REST_URL: "nowhere" };
  const error = assertThrows(
    () => createBinance(providerSettings({ symbols: [], timeframe: "2m", variable: (name) => variables[name] })),
    AggregateError,
  );
  assertEquals(error.errors.map(({ option }: SettingError) => option), [
    "symbols",
    "timeframe",
    "BINANCE_WS_URL",
    "BINANCE_REST_URL",
  ]);
});

Deno.test("raw streams are read as combined ones are", async () => {
  await using fake = startFakeBinance();
  await using session = run(fake);
  (await fake.connection()).raw(JSON.stringify(toMessage(bar(0), true).data));
  await session.until(() => session.bars.length === 1);
});
