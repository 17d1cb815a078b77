import { assert, assertEquals, assertThrows } from "@std/assert";
import { createIbkr } from "../../src/providers/ibkr.ts";
import type { SettingError } from "../../src/providers/provider.ts";
import { startFakeTws } from "../support/fake_tws.ts";
import { bar, connect, has, MINUTE, minutes, START, subscribed } from "../support/ibkr.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { testProvider } from "./conformance.ts";

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

Deno.test("bars known at the subscription are handed over, except the forming one", async () => {
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

for (
  const [code, text] of [
    [200, "No security definition has been found for the request"],
    [354, "Requested market data is not subscribed."],
    [420, "Invalid Real-time Query:No market data permissions for ISLAND STK"],
    [162, "Historical Market Data Service error message:No market data permissions for ISLAND STK"],
    [321, "Error validating request.-'bO' : cause - Please enter a valid security type"],
  ] as [number, string][]
) {
  Deno.test(`a symbol refused with ${code} is reported by name, and the others stay subscribed`, async () => {
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
  assert(pages.length >= 4, `${pages.length} pages`);
  assertEquals([pages[0].duration, pages[0].end.length], ["1 D", "yyyymmdd-hh:mm:ss".length]);
});

Deno.test("unreadable messages are reported, and the connection stays open", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake);
  const tws = await fake.connection();
  const { id } = await tws.subscription("AAPL");
  tws.send(90, id, 3, START / 1000, 1);
  tws.send(90, id, 3, START / 1000, 1, 1, 1, 1, 1, 1, "one too many");
  tws.send(4711, 1, 2);
  tws.send(90, id, 3, "yesterday", 1, 1, 1, 1, 1, 1);
  tws.send(90, id, 3, START / 1000, "12x", 1, 1, 1, 1, 1);
  tws.send(90, id, 3, "12", 1, 1, 1, 1, 1, 1);
  // The library's word for nothing.
  tws.send(90, id, 3, START / 1000, Number.MAX_VALUE, 1, 1, 1, 1, 1);
  tws.send(90, id, 3, START / 1000 + 1, 1, 1, 1, 1, 1, 1);
  tws.send(90, id, 3, START / 1000, 1, 1, 0.5, 0.5, 1, 1);
  tws.update(bar(0));
  tws.update(bar(1));
  const rejected: string[] = [];
  const bars = await feed.read((bars, frame) => {
    rejected.push(...frame.rejected.map(({ reason }) => reason));
    return bars.length === 1;
  });
  assertEquals(bars[0].volume, 250);
  assertEquals(rejected, [
    ...Array(3).fill("message is not as documented"),
    "date of a bar is not as documented",
    "price of a bar is no number",
    "date of a bar is not as documented",
    "price of a bar is no number",
    "bar is not of 1m",
    "high is below max(open, close): 0.5 < max(1, 1)",
  ]);
});

Deno.test("all problems of the settings are reported at once", () => {
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

Deno.test("malformed bars of history are reported, and the others are used", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake);
  const tws = await fake.connection();
  const { id } = await tws.subscription("AAPL");
  const row = (minute: number, price: string | number) => [START / 1000 + 60 * minute, price, 9, 1, 5, 10, 5, 3];
  tws.send(17, id, "start", "end", 3, ...row(0, 5), ...row(1, "5x"), ...row(2, 5));
  const items: unknown[] = [];
  const bars = await feed.read((bars, frame) => {
    items.push(...frame.rejected.map(({ item }) => item));
    return bars.length === 2;
  });
  assertEquals(minutes(bars), [0, 2]);
  assertEquals((items[0] as { text: string }).text, `${START / 1000 + 60} 5x 9 1 5 10 5 3`);
});
