import { assert, assertEquals, assertMatch } from "@std/assert";
import { createKraken } from "../../src/providers/kraken.ts";
import type { Bar } from "../../src/records/bar.ts";
import type { Frame } from "../../src/records/frame.ts";
import { readBars } from "../support/feed.ts";
import type { PipelineEvent } from "../../src/events.ts";
import { type FakeKraken, type MarketBar, startFakeKraken } from "../support/fake_kraken.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { createContext } from "./conformance.ts";

const MINUTE = 60_000;
/** A while ago: long enough for every bar of these tests to be over. */
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;

function bar(minute: number, given: Partial<MarketBar> = {}): MarketBar {
  const price = 100 + minute;
  const prices = { open: price, high: price + 1, low: price - 1, close: price + 0.5 };
  return { symbol: "BTC/USD", ts: START + minute * MINUTE, ...prices, volume: 0.25, trades: 3, ...given };
}

/** A provider connected to a fake, whose frames are settled as they come. */
async function connect(fake: FakeKraken, symbols: string[], newest = new Map<string, number>()) {
  const directory = await makeDirectory();
  const context = createContext();
  const events: PipelineEvent[] = [];
  const provider = createKraken(providerSettings({
    symbols,
    dataDir: directory.path,
    variable: (name) => fake.variables[name],
  }));
  const reader = provider.open({
    ...context,
    tell: (event) => void events.push(event),
    newest: () => Promise.resolve(newest),
  }).getReader();
  return {
    context,
    events,
    /** Reads until `done` says that this was all. */
    read: (done: (bars: Bar[], frame: Frame) => boolean) => readBars(reader, done),
    async [Symbol.asyncDispose]() {
      context.stopping.abort();
      await reader.cancel();
      await provider.close!();
      await directory[Symbol.asyncDispose]();
    },
  };
}

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

Deno.test("what comes for a bar that is over is a correction", async () => {
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

Deno.test("an unknown symbol is reported by name, and the others go on", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  await using feed = await connect(fake, ["BTC/USD", "NO/SUCH"]);
  const connection = await fake.connection();
  connection.update(bar(0), bar(1));
  assertEquals(minutes(await feed.read((bars) => bars.length === 1)), [0]);
  assertEquals(feed.context.notices, ["NO/SUCH is refused: Currency pair not supported NO/SUCH"]);
});

Deno.test("what is no bar is rejected with its reason, and the connection lives on", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  await using feed = await connect(fake, ["BTC/USD"]);
  const connection = await fake.connection();
  const rejected: string[] = [];
  connection.raw("{half");
  connection.raw("[]");
  connection.raw('"text"');
  connection.raw('{"channel":"ohlc","data":5}');
  connection.raw('{"channel":"ohlc","data":[null,{"symbol":"BTC/USD"},{"symbol":5,"interval_begin":"x"}]}');
  connection.raw('{"channel":"unheard of"}');
  connection.update(bar(0), bar(1));
  await feed.read((bars, frame) => {
    rejected.push(...frame.rejected.map(({ reason }) => reason));
    return bars.length === 1;
  });
  assertEquals(rejected, [
    "message is not JSON",
    "message is not an object",
    "message has no data",
    "bar is not as documented",
    "bar is not as documented",
    "bar is not as documented",
  ]);
});

Deno.test("after a lost connection history fills the gap", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  await using feed = await connect(fake, ["BTC/USD"]);
  const first = await fake.connection();
  first.update(bar(0), bar(1), bar(2));
  assertEquals(minutes(await feed.read((bars) => bars.length === 2)), [0, 1]);
  for (let minute = 0; minute < 20; minute++) fake.history.push(bar(minute));
  first.close();
  const second = await fake.connection();
  second.update(bar(20), bar(21));
  const bars = await feed.read((bars) => minutes(bars).includes(19) && minutes(bars).includes(20));
  for (let minute = 2; minute <= 20; minute++) assert(minutes(bars).includes(minute), `minute ${minute} is missing`);
  assert(feed.events.some((event) => event.type === "feed-lost" && event.reason === "closed"));
});

Deno.test("at the start history is asked from the newest stored bar on", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  for (let minute = 0; minute < 30; minute++) fake.history.push(bar(minute));
  await using feed = await connect(fake, ["BTC/USD"], new Map([["BTC/USD", START + 12 * MINUTE]]));
  const bars = await feed.read((bars) => minutes(bars).includes(29));
  assertEquals(minutes(bars)[0] <= 12, true);
  assertMatch(fake.requests[0], /pair=XBTUSD&interval=1/);
});

Deno.test("a throttled or broken history is asked again", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  fake.mishaps.push("EGeneral:Too many requests", 500);
  for (let minute = 0; minute < 5; minute++) fake.history.push(bar(minute));
  await using feed = await connect(fake, ["BTC/USD"], new Map([["BTC/USD", START]]));
  assertEquals(minutes(await feed.read((bars) => bars.length === 5)), [0, 1, 2, 3, 4]);
  assertEquals(fake.requests.length, 3);
});
