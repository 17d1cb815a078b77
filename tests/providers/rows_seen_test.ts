import { assertEquals, assertStringIncludes } from "@std/assert";
import { createBinanceFeed } from "../../src/providers/binance/feed.ts";
import { createKrakenFeed } from "../../src/providers/kraken/feed.ts";
import { createProofs } from "../../src/providers/live/coverage/proof.ts";
import type { Feed } from "../../src/providers/live/feed.ts";
import { fakeClock } from "../support/clock.ts";
import { memoryCoverage } from "../support/coverage.ts";
import { startFakeBinance } from "../support/fake_binance.ts";
import { type MarketBar, startFakeKraken } from "../support/fake_kraken.ts";
import { BAR, barBefore, MINUTE, NOW, runScripted } from "../support/scripted_feed.ts";

/** Long enough ago for all bars of these tests to be over. */
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 100 * MINUTE;

/** Bars of minutes 0, 1, 4 and 9: minutes 2 and 3, and 5 to 8, are quiet. */
const traded = (symbol: string) =>
  [0, 1, 4, 9].map((minute): MarketBar => ({
    ...{ symbol, ts: START + minute * MINUTE, open: 2, high: 4, low: 1, close: 3, volume: 1, trades: 1 },
  }));

/** Reads minutes 0 to 9: the minutes of the bars, and those between rows that have none. */
async function read(feed: Feed): Promise<{ bars: number[]; lacks: number[][] }> {
  const [symbol] = feed.symbols;
  const pages = await Array.fromAsync(
    feed.history([symbol], START, START + 10 * MINUTE, new AbortController().signal),
  );
  const minuteOf = (ts: number) => (ts - START) / MINUTE;
  return {
    bars: pages.flat().map(({ ts }) => minuteOf(ts)),
    lacks: feed.historyLacks!(symbol).map((range) => range.map(minuteOf)),
  };
}

Deno.test("binance: rows without trades are not bars, and rows left out between others are reported, across pages too", async () => {
  await using fake = startFakeBinance({ pageSize: 3 });
  fake.history.push(...traded("BTCUSDT"));
  const feed = createBinanceFeed({
    ...{ symbols: ["BTCUSDT"], timeframe: "1m", provisional: false, backoffMs: 1 },
    ...{ socketUrl: fake.variables.BINANCE_WS_URL, restUrl: fake.variables.BINANCE_REST_URL },
  });
  assertEquals(await read(feed), { bars: [0, 1, 4, 9], lacks: [] });
  for (const minute of [3, 6, 7]) fake.holes.add(START + minute * MINUTE);
  assertEquals(await read(feed), { bars: [0, 1, 4, 9], lacks: [[3, 4], [6, 8]] });
  fake.holes.clear();
  assertEquals(await read(feed), { bars: [0, 1, 4, 9], lacks: [] }, "a later answer has them");
});

for (const symbol of ["BTC/USD", "AAPLx/USD"]) {
  const isTokenized = symbol === "AAPLx/USD";
  const title = isTokenized ? "nothing is expected of tokenised stocks, which rest" : "rows left out are told";
  Deno.test(`kraken: ${title}`, async () => {
    await using fake = startFakeKraken([symbol]);
    fake.history.push(...traded(symbol));
    const feed = createKrakenFeed({
      ...{ symbols: [symbol], timeframe: "1m", stepMs: MINUTE, provisional: false, requestsPerSecond: 1000 },
      ...{ socketUrl: fake.variables.KRAKEN_WS_URL, restUrl: fake.variables.KRAKEN_REST_URL },
    });
    assertEquals(
      await read(feed),
      { bars: [0, 1, 4, 9], lacks: [] },
      "the row under way, behind the last, proves nothing",
    );
    for (const minute of [3, 6, 7]) fake.holes.add(START + minute * MINUTE);
    assertEquals((await read(feed)).lacks, isTokenized ? [] : [[3, 4], [6, 8]]);
  });
}

Deno.test("a time for which history lacks a row between others stays in doubt, and is reported", async () => {
  using clock = fakeClock(NOW);
  let lacks: [number, number][] = [[BAR - 6 * MINUTE, BAR - 4 * MINUTE]];
  const run = await runScripted({
    newest: { "BTC/USD": 10 },
    options: { stallMs: 600 * MINUTE },
    answer: ({ from, to }) => [
      [10, 9, 8, 7, 3, 2, 1].filter((at) => at <= from && at > to).map((at) => barBefore(at)),
    ],
    historyLacks: () => lacks,
  });
  run.connections[0].session.subscribed("BTC/USD");
  await clock.tick(1000);
  const doubts = () =>
    run.track("BTC/USD")!.doubts.filter(({ to }) => to < BAR).map(({ from, to, reason }) => [
      (BAR - from) / MINUTE,
      (BAR - to) / MINUTE,
      reason,
    ]);
  assertEquals(doubts(), [[6, 4, "lag"]]);
  assertEquals(run.notices.length, 1);
  assertStringIncludes(run.notices[0], "history of BTC/USD has no row for times between others");
  lacks = [];
  await clock.tick(2 * MINUTE);
  assertEquals(doubts(), [], "history has the rows by now, and no trades in them");
  await run.stop();
});

Deno.test("a backfill leaves times in doubt for which history lacks a row between others", async () => {
  const store = memoryCoverage();
  const notices: string[] = [];
  const proofs = createProofs({
    owner: { provider: "binance", timeframe: "1m" },
    ...{ stepMs: MINUTE, store, reachMs: 60 * MINUTE, believesEmpty: true },
    warn: (message) => void notices.push(message),
  });
  const [from, to] = [START, START + 10 * MINUTE];
  const inquiry = await proofs.inquire(new Map([["BTCUSDT", [from, to]]]), to);
  const starts = traded("BTCUSDT").map(({ ts }) => ts);
  await proofs.settle(inquiry, {
    starts: new Map([["BTCUSDT", starts]]),
    unstored: new Map(),
    until: new Map([["BTCUSDT", to]]),
    historyStart: () => undefined,
    withoutRow: () => [[from + 2 * MINUTE, from + 4 * MINUTE]],
  });
  const { confirmed, doubts } = store.known.get("BTCUSDT")!;
  assertEquals(confirmed, [[from, from + 2 * MINUTE], [from + 4 * MINUTE, to]]);
  assertEquals(doubts.map(({ from, to, reason }) => [from, to, reason]), [[
    START + 2 * MINUTE,
    START + 4 * MINUTE,
    "lag",
  ]]);
  assertEquals(notices.length, 1);
});
