import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { createIbkr, type IbkrTiming } from "../../src/providers/ibkr.ts";
import type { SettingError } from "../../src/providers/provider.ts";
import type { PipelineEvent } from "../../src/events.ts";
import type { Bar } from "../../src/records/bar.ts";
import type { Frame } from "../../src/records/frame.ts";
import { readBars } from "../support/feed.ts";
import { type FakeConnection, type FakeTws, type MarketBar, startFakeTws } from "../support/fake_tws.ts";
import { encode } from "../support/tws_wire.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { createContext, testProvider } from "./conformance.ts";

const MINUTE = 60_000;
/** A while ago: long enough for every bar of these tests to be over. */
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;
/** So that nothing is waited for. */
const QUICK: Partial<IbkrTiming> = { backoffMs: 1, retryMs: 1, isResetTime: () => false };

function bar(minute: number, given: Partial<MarketBar> = {}): MarketBar {
  const price = 100 + minute;
  const prices = { open: price, high: price + 1, low: price - 1, close: price + 0.5, wap: price + 0.25 };
  return { symbol: "AAPL", ts: START + minute * MINUTE, ...prices, volume: 250, count: 3, ...given };
}

interface Wanted {
  symbols?: string[];
  timing?: Partial<IbkrTiming>;
  newest?: Map<string, number>;
  variables?: Record<string, string>;
}

/** A provider that is connected to a fake, whose frames are settled as they come. */
async function connect(fake: FakeTws, wanted: Wanted = {}) {
  const directory = await makeDirectory();
  const context = createContext();
  const events: PipelineEvent[] = [];
  const hearing = new Set<() => void>();
  const variables: Record<string, string> = { ...fake.variables, ...wanted.variables };
  const settings = providerSettings({
    symbols: wanted.symbols ?? ["AAPL"],
    dataDir: directory.path,
    variable: (name) => variables[name],
  });
  const provider = createIbkr(settings, { ...QUICK, ...wanted.timing });
  const heard = () => {
    for (const hear of [...hearing]) hear();
  };
  const reader = provider.open({
    ...context,
    tell(event) {
      events.push(event);
      heard();
    },
    notice(message) {
      context.notice(message);
      heard();
    },
    newest: () => Promise.resolve(wanted.newest ?? new Map()),
  }).getReader();

  /** Waits until what was told satisfies. */
  function told(isTold: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const hear = () => {
        if (!isTold()) return;
        hearing.delete(hear);
        resolve();
      };
      hearing.add(hear);
      hear();
    });
  }
  return {
    context,
    events,
    reader,
    lost: (reason: string) => told(() => events.some((event) => event.type === "feed-lost" && event.reason === reason)),
    noticed: (pattern: RegExp) => told(() => context.notices.some((notice) => pattern.test(notice))),
    /** Reads until `done` says that this was all. */
    read: (done: (bars: Bar[], frame: Frame) => boolean) => readBars(reader, done),
    async [Symbol.asyncDispose]() {
      context.stopping.abort();
      await reader.cancel().catch(() => {});
      await provider.close!();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** The next connection, and its subscription. */
async function subscribed(fake: FakeTws, symbol = "AAPL"): Promise<FakeConnection> {
  const connection = await fake.connection();
  await connection.subscription(symbol);
  return connection;
}

const minutes = (bars: Bar[]) => [...new Set(bars.map(({ ts }) => (ts - START) / MINUTE))].toSorted((a, b) => a - b);
const has = (...wanted: number[]) => (bars: Bar[]) => wanted.every((minute) => minutes(bars).includes(minute));

testProvider("ibkr", {
  canWait: false,
  async make() {
    const fake = startFakeTws();
    const directory = await makeDirectory();
    const provider = createIbkr(
      providerSettings({ symbols: ["AAPL"], dataDir: directory.path, variable: (name) => fake.variables[name] }),
    );
    let isOver = false;
    (async () => {
      const connection = await subscribed(fake);
      for (let minute = 0; minute < 4 && !isOver; minute++) connection.update(bar(minute));
    })();
    return {
      provider,
      async [Symbol.asyncDispose]() {
        isOver = true;
        await fake[Symbol.asyncDispose]();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
});

Deno.test("a bar is handed over when the next begins, with its last values", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake);
  const tws = await subscribed(fake);
  tws.update(bar(0, { volume: 100, count: 1 }));
  tws.update(bar(0));
  tws.update(bar(1));
  const [first] = await feed.read((bars) => bars.length === 1);
  assertEquals(
    { symbol: first.symbol, ts: first.ts, open: first.open, high: first.high, low: first.low, close: first.close },
    { symbol: "AAPL", ts: START, open: 100, high: 101, low: 99, close: 100.5 },
  );
  assertEquals(
    { provider: first.provider, volume: first.volume, vwap: first.vwap, trades: first.trades, status: first.status },
    { provider: "ibkr", volume: 250, vwap: 100.25, trades: 3, status: "final" },
  );
  const { symbol, secType, exchange, currency, barSize, whatToShow, end, duration } = fake.asked[0];
  assertEquals([symbol, secType, exchange, currency], ["AAPL", "STK", "SMART", "USD"]);
  assertEquals([barSize, whatToShow, end, duration], ["1 min", "TRADES", "", "1 D"]);
});

Deno.test("a bar is handed over some time after its end, where no other begins", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { timing: { closeAfterMs: 1 } });
  (await subscribed(fake)).update(bar(0));
  assertEquals(minutes(await feed.read((bars) => bars.length === 1)), [0]);
});

Deno.test("what there is at the subscription is handed over, but not the bar under way", async () => {
  await using fake = startFakeTws();
  const forming = Math.floor((Date.now() - START) / MINUTE);
  fake.history.push(bar(0), bar(1), bar(forming));
  await using feed = await connect(fake);
  const tws = await subscribed(fake);
  assertEquals(minutes(await feed.read((bars) => bars.length === 2)), [0, 1]);
  tws.update(bar(1, { volume: 300 }));
  const [again] = await feed.read((bars) => bars.length === 1);
  assertEquals([again.ts, again.volume, again.status], [bar(1).ts, 300, "correction"]);
});

Deno.test("quotes have no volume, and a time without trades is no bar", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { symbols: ["EUR.USD", "AAPL"] });
  const tws = await fake.connection();
  await Promise.all([tws.subscription("EUR.USD"), tws.subscription("AAPL")]);
  const nothing = { volume: -1, count: -1, wap: -1 };
  for (const minute of [0, 1]) tws.update(bar(minute, { ...nothing, symbol: "EUR.USD" }));
  for (const minute of [0, 1]) tws.update(bar(minute, nothing));
  tws.update(bar(2, { volume: 0.5, count: -1 }));
  tws.update(bar(3));
  const bars = await feed.read((bars) => bars.some(({ symbol }) => symbol === "AAPL"));
  assertEquals(
    bars.map(({ symbol, ts, volume, vwap, trades }) => ({
      symbol,
      minute: (ts - START) / MINUTE,
      volume,
      vwap,
      trades,
    }))
      .filter(({ symbol, minute }) => symbol === "AAPL" || minute === 0),
    [
      { symbol: "EUR.USD", minute: 0, volume: 0, vwap: undefined, trades: undefined },
      { symbol: "AAPL", minute: 2, volume: 0.5, vwap: 102.25, trades: undefined },
    ],
  );
  assertEquals(fake.asked.map(({ whatToShow }) => whatToShow).toSorted(), ["MIDPOINT", "TRADES"]);
});

Deno.test("where nobody listens it is tried again", async () => {
  const port = (() => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return String(listener.addr.port);
  })();
  await using fake = startFakeTws();
  await using feed = await connect(fake, { variables: { IBKR_PORT: port } });
  await feed.lost("connect");
  const lost = feed.events.find((event) => event.type === "feed-lost");
  assertMatch(String(lost?.error), /Cannot connect to TWS at 127\.0\.0\.1:\d+, is it running/);
});

Deno.test("a client id in use ends the feed, and says what to do", async () => {
  await using fake = startFakeTws({ inUse: new Map([[7, 1]]) });
  await using feed = await connect(fake, { variables: { IBKR_CLIENT_ID: "7" } });
  const error = await assertRejects(() => feed.reader.read(), Error);
  assertMatch(error.message, /another client with the id 7: set IBKR_CLIENT_ID/);
});

Deno.test("a client id that TWS has not yet let go of is waited for", async () => {
  const inUse = new Map<number, number>();
  await using fake = startFakeTws({ inUse });
  await using feed = await connect(fake);
  const tws = await subscribed(fake);
  inUse.set(0, 1);
  tws.close();
  await feed.lost("client-id");
  assert(!feed.events.some((event) => event.type === "feed-state" && event.state === "failed"));
});

Deno.test("a TWS that is too old ends the feed, and says so", async () => {
  await using fake = startFakeTws({ version: 20 });
  await using feed = await connect(fake);
  const error = await assertRejects(() => feed.reader.read(), Error);
  assertMatch(error.message, /speaks a version that is not supported/);
});

for (
  const [code, text] of [
    [200, "No security definition has been found for the request"],
    [354, "Requested market data is not subscribed."],
    [420, "Invalid Real-time Query:No market data permissions for ISLAND STK"],
    [162, "Historical Market Data Service error message:No market data permissions for ISLAND STK"],
    [321, "Error validating request.-'bO' : cause - Please enter a valid security type"],
  ] as [number, string][]
) {
  Deno.test(`a symbol refused with ${code} is told by name, and the others go on`, async () => {
    await using fake = startFakeTws({ refused: { NOSUCH: [code, text] } });
    await using feed = await connect(fake, { symbols: ["AAPL", "NOSUCH"] });
    const tws = await subscribed(fake);
    tws.update(bar(0));
    tws.update(bar(1));
    assertEquals(minutes(await feed.read((bars) => bars.length === 1)), [0]);
    await feed.noticed(/refused/);
    assertEquals(feed.context.notices, [`NOSUCH is refused: ${text} (code ${code})`]);
  });
}

for (const [code, word] of [[10225, "bust"], [366, "unknown"], [322, "duplicate"], [162, "cancelled"]] as const) {
  Deno.test(`a subscription that dies with ${code} is made anew under another number`, async () => {
    await using fake = startFakeTws();
    await using feed = await connect(fake);
    const tws = await fake.connection();
    const first = await tws.subscription("AAPL");
    tws.update(bar(0));
    tws.error(first.id, code, `API historical data query ${word}`);
    fake.history.push(bar(0), bar(1));
    const second = await tws.subscription("AAPL");
    assert(second.id > first.id);
    assertEquals(minutes(await feed.read(has(0, 1))), [0, 1]);
    tws.update(bar(2));
    tws.update(bar(3));
    assertEquals(minutes(await feed.read(has(2))).at(-1), 2);
  });
}

Deno.test("after 1101 all is subscribed anew, and what was missed is fetched", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { symbols: ["AAPL", "MSFT"] });
  const tws = await fake.connection();
  const first = await Promise.all([tws.subscription("AAPL"), tws.subscription("MSFT")]);
  tws.update(bar(0));
  tws.update(bar(1));
  await feed.read(has(0));
  tws.info(1100, "Connectivity between IBKR and Trader Workstation has been lost.");
  for (let minute = 0; minute < 9; minute++) fake.history.push(bar(minute));
  tws.info(1101, "Connectivity between IBKR and Trader Workstation has been restored - data lost.");
  const second = await Promise.all([tws.subscription("AAPL"), tws.subscription("MSFT")]);
  assertEquals(new Set([...first, ...second].map(({ id }) => id)).size, 4);
  assertEquals(minutes(await feed.read(has(8))), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert(!feed.events.some(({ type }) => type === "feed-lost"));
});

for (
  const [before, after, name] of [
    [1100, 1102, "1102"],
    [2110, 1102, "a lost server"],
    [2103, 2104, "a broken farm"],
    [2105, 2106, "a broken farm of history"],
  ] as const
) {
  Deno.test(`after ${name} the subscriptions go on, and what was missed is fetched`, async () => {
    await using fake = startFakeTws();
    await using feed = await connect(fake);
    const tws = await subscribed(fake);
    tws.update(bar(0));
    tws.update(bar(1));
    await feed.read(has(0));
    tws.info(before, "It is broken:usfarm");
    for (let minute = 1; minute < 6; minute++) fake.history.push(bar(minute));
    tws.info(after, "It is OK:usfarm");
    assertEquals(minutes(await feed.read(has(5))).at(-1), 5);
    assertEquals(fake.asked.filter(({ keepUpToDate }) => keepUpToDate).length, 1);
    tws.update(bar(6));
    tws.update(bar(7));
    await feed.read(has(6));
    assert(!feed.events.some(({ type }) => type === "feed-lost"));
  });
}

Deno.test("while TWS has no connection of its own history is not asked, from the first message on", async () => {
  await using fake = startFakeTws({
    greeting: [2110, "Connectivity between Trader Workstation and server is broken."],
  });
  const newest = new Map([["AAPL", START]]);
  fake.history.push(bar(1), bar(2));
  await using feed = await connect(fake, { newest });
  const tws = await subscribed(fake);
  await feed.noticed(/history of AAPL could not be read: TWS is not connected/);
  assertEquals(fake.asked.map(({ keepUpToDate }) => keepUpToDate), [true]);
  tws.info(1102, "Connectivity between IBKR and Trader Workstation has been restored - data maintained.");
  await feed.read((_, frame) => frame.records.length > 0 && fake.asked.length > 1);
});

Deno.test("a connection that is open at one end only is noticed and renewed", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { timing: { watchEveryMs: 20, answerMs: 20 } });
  const tws = await subscribed(fake);
  tws.freeze();
  await feed.lost("silence");
  await tws.gone;
  const again = await subscribed(fake);
  again.update(bar(0));
  again.update(bar(1));
  await feed.read(has(0));
});

Deno.test("a connection lost at the time of the nightly reset is told as that", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { timing: { isResetTime: () => true } });
  (await subscribed(fake)).close();
  await feed.lost("nightly-reset");
  await subscribed(fake);
});

Deno.test("a server that accepts and says nothing is given up", async () => {
  await using fake = startFakeTws({ isSilent: true });
  await using feed = await connect(fake, { timing: { openTimeoutMs: 20 } });
  await feed.lost("connect");
});

Deno.test("after a lost connection history fills the gap", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake);
  const first = await subscribed(fake);
  for (const minute of [0, 1, 2]) first.update(bar(minute));
  await feed.read(has(0, 1));
  for (let minute = 0; minute < 20; minute++) fake.history.push(bar(minute));
  // In the middle of a message.
  first.raw(encode([90, 1, 3, "half"]).subarray(0, 7));
  first.close();
  const second = await subscribed(fake);
  second.update(bar(20));
  second.update(bar(21));
  const bars = await feed.read(has(19, 20));
  for (let minute = 2; minute <= 20; minute++) assert(has(minute)(bars), `minute ${minute} is missing`);
  assert(fake.asked.some(({ keepUpToDate }) => !keepUpToDate));
  assertEquals(new Set(fake.asked.map(({ id }) => id)).size, fake.asked.length);
});

Deno.test("at the start history is read from the newest stored bar on, page by page", async () => {
  await using fake = startFakeTws();
  const days = 2 * 24 * 60;
  for (let minute = -days; minute < 0; minute += 60) fake.history.push(bar(minute));
  // What is refused for a while is asked for again.
  await using feed = await connect(fake, { newest: new Map([["AAPL", START - days * MINUTE]]) });
  fake.mishaps.push(
    { code: 162, text: "Historical Market Data Service error message:Historical data request pacing violation" },
    { code: 100, text: "Max rate of messages per second has been exceeded" },
  );
  const wanted = fake.history.map(({ ts }) => (ts - START) / MINUTE);
  await feed.read(has(...wanted));
  const pages = fake.asked.filter(({ keepUpToDate }) => !keepUpToDate);
  assert(pages.length >= 5, `${pages.length} pages`);
  assertEquals([pages[0].duration, pages[0].end.length], ["28800 S", "yyyymmdd-hh:mm:ss".length]);
});

Deno.test("what cannot be read is told, and the connection lives on", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake);
  const tws = await fake.connection();
  const { id } = await tws.subscription("AAPL");
  tws.send(90, id, 3, START / 1000, 1);
  tws.send(90, id, 3, START / 1000, 1, 1, 1, 1, 1, 1, "one too many");
  tws.send(4711, 1, 2);
  tws.send(90, id, 3, "yesterday", 1, 1, 1, 1, 1, 1);
  tws.send(90, id, 3, START / 1000, "dear", 1, 1, 1, 1, 1);
  tws.update(bar(0));
  tws.update(bar(1));
  const rejected: string[] = [];
  const bars = await feed.read((bars, frame) => {
    rejected.push(...frame.rejected.map(({ reason }) => reason));
    return bars.length === 1;
  });
  assertEquals(bars[0].volume, 250);
  assertEquals(rejected, [
    "message is not as documented",
    "message is not as documented",
    "message is not as documented",
    "date of a bar is not as documented",
    "price of a bar is no number",
  ]);
});

for (
  const [name, bytes] of [
    ["A negative length", new Uint8Array([0xff, 0xff, 0xff, 0xfc, 0])],
    ["JSON that is none", encode([4, 2, -1, 399, "text", "{half"])],
  ] as [string, Uint8Array][]
) {
  Deno.test(`${name} ends the connection, not the process`, async () => {
    await using fake = startFakeTws();
    await using feed = await connect(fake);
    (await subscribed(fake)).raw(bytes);
    await feed.lost("protocol");
    const again = await subscribed(fake);
    again.update(bar(0));
    again.update(bar(1));
    await feed.read(has(0));
  });
}

Deno.test("all that does not do is told at once", () => {
  const variables: Record<string, string> = { IBKR_HOST: "a b", IBKR_PORT: "70000", IBKR_CLIENT_ID: "-1" };
  const symbols = ["aapl", "ES:FUT:CME", "X:OPT:SMART", "X:STK", "X:STK:IBIS:euro", "SAP:STK:IBIS:EUR"];
  const error = assertThrows(
    () => createIbkr(providerSettings({ symbols, timeframe: "1s", variable: (name) => variables[name] })),
    AggregateError,
  );
  assertEquals(error.errors.map(({ option }: SettingError) => option), [
    ...["IBKR_HOST", "IBKR_PORT", "IBKR_CLIENT_ID"],
    ...Array(5).fill("symbols"),
    "timeframe",
  ]);
});
