import { assert, assertEquals, assertRejects } from "@std/assert";
import { createKrakenFeed } from "../../src/providers/kraken/feed.ts";
import { type FeedBar, FeedError } from "../../src/providers/live/feed.ts";
import { type FakeKraken, type FakeKrakenOptions, type MarketTrade, startFakeKraken } from "../support/fake_kraken.ts";

const MINUTE = 60_000;
/** So long ago that the 720 bars of `OHLC` do not reach it. */
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 1005 * MINUTE;

/** Reads history as a supervisor does. */
async function read(fake: FakeKraken, from: number, to: number, symbol = "BTC/USD"): Promise<FeedBar[]> {
  const feed = createKrakenFeed({
    symbols: [symbol],
    timeframe: "1m",
    stepMs: MINUTE,
    socketUrl: fake.variables.KRAKEN_WS_URL,
    restUrl: fake.variables.KRAKEN_REST_URL,
    provisional: false,
    requestsPerSecond: 1000,
    backoffMs: 1,
  });
  const { signal } = new AbortController();
  const range = [START + from * MINUTE, START + to * MINUTE] as const;
  return (await Array.fromAsync(feed.history([symbol], ...range, signal))).flat();
}

const minutes = (bars: readonly FeedBar[]) => bars.map(({ ts }) => (ts - START) / MINUTE);
const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, at) => from + at);

function bar(minute: number, symbol = "BTC/USD") {
  const prices = { open: 2, high: 4, low: 1, close: 3 };
  return { symbol, ts: START + minute * MINUTE, ...prices, volume: 0.5 + minute, trades: 3 };
}

/** A trade that many seconds after the start. */
function trade(seconds: number, price: string, volume: string, symbol = "BTC/USD"): MarketTrade {
  return { symbol, at: BigInt(Math.round((START + seconds * 1000) * 1000)) * 1000n, price, volume };
}

for (const isInclusive of [false, true]) {
  Deno.test(`history is right where \`since\` is ${isInclusive ? "inclusive" : "exclusive"}`, async () => {
    await using fake = startFakeKraken(["BTC/USD"], { isInclusive });
    fake.history.push(...upTo(20).map((minute) => bar(980 + minute)));
    assertEquals(minutes(await read(fake, 985, 990)), upTo(990, 985));
    assertEquals(fake.requests, [`?pair=XBTUSD&interval=1&since=${(START + 984 * MINUTE) / 1000}`]);
  });
}

Deno.test("REST's names of assets and its flat rows are its own affair", async () => {
  await using fake = startFakeKraken(["DOGE/BTC", "ETH/USD"]);
  fake.history.push(bar(990, "DOGE/BTC"), { ...bar(991, "DOGE/BTC"), volume: 0, trades: 0 }, bar(992, "DOGE/BTC"));
  const bars = await read(fake, 990, 993, "DOGE/BTC");
  assertEquals(bars.map(({ symbol }) => symbol), ["DOGE/BTC", "DOGE/BTC"]);
  assertEquals(minutes(bars), [990, 992]);
  await read(fake, 990, 993, "ETH/USD");
  assertEquals(fake.requests.map((search) => new URLSearchParams(search).get("pair")), ["XDGXBT", "ETHUSD"]);
});

Deno.test("tokenised stocks are asked for by their class, bars and trades", async () => {
  await using fake = startFakeKraken(["AAPLx/USD", "BTC/USD"]);
  fake.history.push(...upTo(1000, 200).map((minute) => bar(minute, "AAPLx/USD")));
  fake.trades.push(trade(10, "2", "1", "AAPLx/USD"));
  assertEquals(minutes(await read(fake, 0, 1000, "AAPLx/USD")), [0, ...upTo(1000, 281)]);
  await read(fake, 990, 991);
  const classes = fake.requests.map((search) => new URLSearchParams(search).get("asset_class"));
  assertEquals([new Set(classes.slice(0, -1)), classes.at(-1)], [new Set(["tokenized_asset"]), null]);
});

for (const isQuiet of [false, true]) {
  Deno.test(`the last row is a bar, unless it is forming; ${isQuiet ? "it is over" : "another is"}`, async () => {
    await using fake = startFakeKraken(["BTC/USD"], { isQuiet });
    fake.history.push(bar(990), bar(991));
    assertEquals(minutes(await read(fake, 990, 1001)), [990, 991]);
  });
}

Deno.test("the last row is forming while history lags, even long after the end of its minute", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  fake.history.push(bar(990), bar(991));
  fake.lapses.now = () => START + 992.5 * MINUTE;
  assertEquals(minutes(await read(fake, 990, 1001)), [990, 991]);
});

Deno.test("trades fill the range that bars do not reach, to the last digit, also across pages", async () => {
  await using fake = startFakeKraken(["BTC/USD"], { tradesPerPage: 3 });
  fake.history.push(...upTo(1000, 200).map((minute) => bar(minute)));
  fake.trades.push(
    trade(-1, "1", "1"),
    trade(0, "100.1", "0.10000000"),
    trade(10, "100.3", "0.20000000"),
    trade(10, "99.9", "0.30000000"),
    trade(10, "100.2", "0.00000001"),
    trade(59.999, "100.0", "0.00000002"),
    trade(180, "1.5", "0.1"),
    trade(190, "1.7", "0.2"),
  );
  fake.trades.push(...upTo(80, 4).map((minute) => trade(60 * minute, "5", "1")));
  fake.trades.push(...upTo(1000, 80).map((minute) => trade(60 * minute, "7", "1")));
  const bars = await read(fake, 0, 1000);
  assertEquals(minutes(bars), [0, 3, ...upTo(1000, 4)]);
  assertEquals(bars[0], {
    symbol: "BTC/USD",
    timeframe: "1m",
    ts: START,
    open: 100.1,
    high: 100.3,
    low: 99.9,
    close: 100,
    volume: 0.60000003,
    // (10.01 + 20.06 + 29.97 + 0.000001002 + 0.000002) / 0.60000003
    vwap: 100.0666666667,
    trades: 5,
    status: "final",
  });
  assertEquals(bars[1].volume, 0.3, "in floating point it would be 0.30000000000000004");
  // Where rows reach, they are taken: the first of 720, the one under way being among them.
  const first = minutes(bars).find((minute) => bars.find(({ ts }) => ts === START + minute * MINUTE)!.open === 2);
  assertEquals(first, 281);
});

Deno.test("bars are read if trades are unavailable, and history begins with them", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (request.url.includes("/Trades")) return Response.json({ error: ["EGeneral:Unknown method"] });
    const rows = upTo(1000, 280).map((minute) => [(START + minute * MINUTE) / 1000, ..."111111", 1]);
    return Response.json({ error: [], result: { XXBTZUSD: rows, last: (START + 999 * MINUTE) / 1000 } });
  });
  const options = { symbols: ["BTC/USD"], timeframe: "1m", stepMs: MINUTE, socketUrl: "", provisional: false };
  const restUrl = `http://127.0.0.1:${server.addr.port}`;
  const feed = createKrakenFeed({ ...options, restUrl, requestsPerSecond: 1000 });
  const pages = feed.history(["BTC/USD"], START, START + 1000 * MINUTE, new AbortController().signal);
  assertEquals(minutes((await Array.fromAsync(pages)).flat()), upTo(1000, 280));
  assertEquals(feed.historyStart!("BTC/USD"), START + 280 * MINUTE);
  await server.shutdown();
});

Deno.test("a page of trades of one moment does not go round in circles", async () => {
  await using fake = startFakeKraken(["BTC/USD"], { tradesPerPage: 3 });
  fake.history.push(...upTo(1000, 200).map((minute) => bar(minute)));
  fake.trades.push(...Array.from({ length: 3 }, () => trade(5, "2", "1")), trade(70, "3", "1"));
  const bars = await read(fake, 0, 100);
  assertEquals(bars.map(({ volume, trades }) => [volume, trades]), [[3, 3], [1, 1]]);
});

Deno.test("a range that begins or ends within a bar has whole bars only", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  fake.history.push(...upTo(1000, 200).map((minute) => bar(minute)));
  fake.trades.push(...upTo(20).flatMap((at) => [trade(60 * at, "2", "1"), trade(60 * at + 50, "2", "1")]));
  const bars = await read(fake, 0.5, 3.5);
  assertEquals(minutes(bars), [1, 2, 3]);
  assert(bars.every(({ volume }) => volume === 2));
});

for (
  const row of [
    null,
    ["2", "1"],
    ["2", 1, 5, "b", "l", "", 7],
    ["2e5", "1", 5, "b", "l", "", 7],
    ["0", "1", 5, "b", "l", "", 7],
    ["2", "-1", 5, "b", "l", "", 7],
    ["2", "1", "5", "b", "l", "", 7],
    ["2", "1", 5, "b", "l", "", "7"],
  ]
) {
  Deno.test(`a trade like ${JSON.stringify(row)} ends in an error, not in a wrong bar`, async () => {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      const rows = request.url.includes("/OHLC")
        ? upTo(1000, 280).map((minute) => [(START + minute * MINUTE) / 1000, ..."111111", 1])
        : [row];
      return Response.json({ error: [], result: { XXBTZUSD: rows, last: "5" } });
    });
    const fake = { variables: { KRAKEN_REST_URL: `http://127.0.0.1:${server.addr.port}` } } as unknown as FakeKraken;
    await assertRejects(() => read(fake, 0, 10), FeedError, "trade is not as documented");
    await server.shutdown();
  });
}

Deno.test("bad rows are reported after the good ones, an unknown pair at once", async () => {
  const rows = [[(START + 990 * MINUTE) / 1000, "2", "4", "1", "3", "2", "1", 1], [5], 7];
  const answers: unknown[] = [
    { error: [], result: { XXBTZUSD: rows, last: (START + 990 * MINUTE) / 1000 } },
    { error: ["EQuery:Unknown asset pair"] },
  ];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json(answers.shift()),
  );
  const fake = { variables: { KRAKEN_REST_URL: `http://127.0.0.1:${server.addr.port}` } } as unknown as FakeKraken;
  await assertRejects(() => read(fake, 990, 995), FeedError, "2 bars of BTC/USD: bar is not as documented");
  const error = await assertRejects(() => read(fake, 990, 995), FeedError, "EQuery:Unknown asset pair");
  assertEquals(error.isFatal, true);
  await server.shutdown();
});

Deno.test("warnings are no errors, and errors that pass are waited out", async () => {
  const options: FakeKrakenOptions = {};
  await using fake = startFakeKraken(["BTC/USD"], options);
  fake.history.push(bar(990));
  fake.mishaps.push("EGeneral:Too many requests", "EService:Unavailable", "EAPI:Rate limit exceeded", 520);
  assertEquals(minutes(await read(fake, 990, 991)), [990]);
  assertEquals(fake.requests.length, 5);
});
