import { assert, assertEquals } from "@std/assert";
import type { Bar } from "../../src/records/bar.ts";
import { type FakeConnection, startFakeTws } from "../support/fake_tws.ts";
import { bar, connect, START } from "../support/ibkr.ts";

const symbols = (count: number) => Array.from({ length: count }, (_, at) => `S${at}`);

/** Twelve parts of a minute: each a trade of one share, at prices that rise. */
function sendParts(tws: FakeConnection, symbol: string, minute = 0): void {
  for (let part = 0; part < 12; part++) {
    const price = 100 + part;
    const prices = { open: price, high: price + 1, low: price - 1, close: price, wap: price };
    tws.part(bar(minute, { symbol, ts: START + minute * 60_000 + part * 5_000, ...prices, volume: 1, count: 1 }));
  }
}

const named = (bars: Bar[]) => new Set(bars.map(({ symbol }) => symbol)).size;

Deno.test("beyond forty symbols bars are built from real-time bars, and all come", async () => {
  await using fake = startFakeTws();
  const all = symbols(60);
  await using feed = await connect(fake, { symbols: all });
  const tws = await fake.connection();
  await Promise.all(all.slice(0, 40).map(tws.subscription));
  await Promise.all(all.slice(40).map(tws.realTime));
  for (const symbol of all.slice(0, 40)) for (const minute of [0, 1]) tws.update(bar(minute, { symbol }));
  for (const symbol of all.slice(40)) sendParts(tws, symbol);
  const bars = await feed.read((bars) => named(bars) === 60);
  const built = bars.find(({ symbol }) => symbol === "S59")!;
  assertEquals(
    { ts: built.ts, open: built.open, high: built.high, low: built.low, close: built.close, status: built.status },
    { ts: START, open: 100, high: 112, low: 99, close: 111, status: "final" },
  );
  assertEquals([built.volume, built.vwap, built.trades], [12, 105.5, 12]);
  assertEquals(feed.events.filter(({ type }) => type === "unsubscribed"), []);
  const { barSize, whatToShow } = fake.asked.find(({ symbol }) => symbol === "S59")!;
  assertEquals([barSize, whatToShow], ["5 secs", "TRADES"]);
});

Deno.test("streams keep slots free for history, and TWS refuses none", async () => {
  await using fake = startFakeTws();
  const all = symbols(60);
  fake.isHolding = true;
  await using feed = await connect(fake, { symbols: all, newest: new Map(all.map((name) => [name, START])) });
  const tws = await fake.connection();
  await Promise.all(all.slice(0, 40).map(tws.subscription));
  await Promise.all(all.slice(40).map(tws.realTime));
  for (const symbol of all) fake.history.push(bar(1, { symbol }));
  assert(fake.open <= 48, `${fake.open} are open`);
  fake.isHolding = false;
  assertEquals(named(await feed.read((bars) => named(bars) === 60)), 60);
  assertEquals(feed.context.notices.filter((warn) => /could not be read|refused/.test(warn)), []);
});

Deno.test("symbols move to real-time bars and history is read if other clients have requests open", async () => {
  await using fake = startFakeTws({ limits: { openRequests: 20 } });
  const all = symbols(30);
  await using feed = await connect(fake, { symbols: all, newest: new Map(all.map((name) => [name, START])) });
  for (const symbol of all) fake.history.push(bar(1, { symbol }));
  assertEquals(named(await feed.read((bars) => named(bars) === 30)), 30);
  assert(fake.open <= 20, `${fake.open} are open`);
  const moved = new Set(fake.asked.filter(({ isRealTime }) => isRealTime).map(({ symbol }) => symbol));
  assert(moved.size >= 10, `${moved.size} symbols have moved`);
  assertEquals(feed.context.notices.filter((warn) => /not subscribed|is refused/.test(warn)), []);
});

Deno.test("symbols beyond the market data lines are named and counted, and the others come", async () => {
  await using fake = startFakeTws({ limits: { lines: 5 } });
  const all = symbols(60);
  await using feed = await connect(fake, { symbols: all });
  const tws = await fake.connection();
  await Promise.all(all.slice(40, 45).map(tws.realTime));
  const missing = () => {
    const names = new Set<string>();
    for (const event of feed.events) {
      if (event.type === "unsubscribed") event.symbols.forEach((name) => names.add(name));
    }
    return names;
  };
  await feed.told(() => missing().size === 15);
  assertEquals([...missing()].toSorted(), all.slice(45).toSorted());
  await feed.noticed(/^15 symbols are not subscribed \(S45, .* and 10 others\): TWS has no market data line left/);
  sendParts(tws, "S44");
  assertEquals(named(await feed.read((bars) => named(bars) === 1)), 1);
});

Deno.test("bars of hours come in no other way, so that symbols beyond forty are named", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { symbols: symbols(42), timeframe: "1h" });
  await feed.noticed(/2 symbols are not subscribed \(S40, S41\): TWS has no historical request left/);
  assertEquals(fake.asked.filter(({ isRealTime }) => isRealTime), []);
});

Deno.test("symbols wait for their turn where IBKR takes no more new requests, and are named meanwhile", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { symbols: symbols(110) });
  await feed.noticed(/12 symbols are not subscribed \(S98, .*IBKR takes 60 new requests for real-time bars/);
  const tws = await fake.connection();
  await Promise.all(symbols(98).slice(40).map(tws.realTime));
  assertEquals(fake.asked.filter(({ isRealTime }) => isRealTime).length, 58);
});

Deno.test("real-time bars that TWS refuses are reported by name", async () => {
  await using fake = startFakeTws({
    refused: { S40: [420, "Invalid Real-time Query:No market data permissions for X"] },
  });
  await using feed = await connect(fake, { symbols: symbols(42) });
  await feed.noticed(/^S40 is refused: Invalid Real-time Query:No market data permissions for X \(code 420\)$/);
  const tws = await fake.connection();
  await tws.realTime("S41");
});
