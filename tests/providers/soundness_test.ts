import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import { createHistory as createAlpacaHistory } from "../../src/providers/alpaca/history.ts";
import { readAlpacaChain } from "../../src/providers/alpaca/options.ts";
import { createHistory as createBinanceHistory } from "../../src/providers/binance/history.ts";
import { createKrakenFeed } from "../../src/providers/kraken/feed.ts";
import { type FeedBar, FeedError } from "../../src/providers/live/feed.ts";
import { createMassiveFeed } from "../../src/providers/massive/feed.ts";

const MINUTE = 60_000;
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 100 * MINUTE;
const ATTEMPTS = 6;
const { signal } = new AbortController();

/** A server of JSON that gives its answers in turn, and the last one for ever. */
function startServer(answers: readonly unknown[]) {
  const paths: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    paths.push(pathname + search);
    return Response.json(answers[Math.min(paths.length, answers.length) - 1]);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    paths,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A vendor: how its history is read, a sound answer with the bar of the start, and bodies that are none. */
interface Vendor {
  readonly name: string;
  read(url: string): AsyncIterable<readonly FeedBar[]>;
  readonly sound: unknown;
  readonly unsound: readonly unknown[];
}

const row = { o: 2, h: 4, l: 1, c: 3, v: 1 };
const vendors: readonly Vendor[] = [
  {
    name: "alpaca",
    read: (url) =>
      createAlpacaHistory({ url, feed: "iex", key: "k", secret: "s", requestsPerMinute: Infinity, backoffMs: 1 })
        .read(["AAPL"], START, START + MINUTE, signal),
    sound: { bars: { AAPL: [{ ...row, t: new Date(START).toISOString() }] }, next_page_token: null },
    unsound: [
      ...[null, [], {}, "text", 5, { message: "odd" }],
      ...[{ next_page_token: null }, { next_page_token: "t1" }, { bars: [], next_page_token: null }],
      ...[{ bars: 5, next_page_token: null }, { bars: { AAPL: 5 }, next_page_token: null }],
      ...[{ bars: {} }, { bars: null }, { bars: {}, next_page_token: 5 }],
    ],
  },
  {
    name: "massive",
    read: (restUrl) =>
      createMassiveFeed({
        ...{ symbols: ["AAPL"], timeframe: "1m", channel: "AM", key: "k", socketUrl: "", restUrl },
        ...{ requestsPerMinute: Infinity, backoffMs: 1 },
      }).history(["AAPL"], START, START + MINUTE, signal),
    sound: { status: "DELAYED", queryCount: 1, resultsCount: 1, results: [{ ...row, t: START }] },
    unsound: [
      ...[null, [], {}, "text", { resultsCount: 0 }, { status: "OK" }],
      ...[{ status: "ERROR", resultsCount: 0 }, { status: "OK", results: "none" }, { status: "OK", resultsCount: 1 }],
      { status: "OK", resultsCount: 2, results: [{ ...row, t: START }] },
      ...[{ status: "OK", queryCount: 390, resultsCount: 0 }, { status: "OK", queryCount: 0, results: [row] }],
      { status: "OK", resultsCount: 0, next_url: 5 },
    ],
  },
  {
    name: "kraken",
    read: (restUrl) =>
      createKrakenFeed({
        ...{ symbols: ["BTC/USD"], timeframe: "1m", stepMs: MINUTE, socketUrl: "", restUrl, provisional: false },
        ...{ requestsPerSecond: Infinity, backoffMs: 1 },
      }).history(["BTC/USD"], START, START + MINUTE, signal),
    sound: { error: [], result: { XXBTZUSD: [[START / 1000, "2", "4", "1", "3", "2", "1", 1]], last: START / 1000 } },
    unsound: [
      ...[null, [], {}, "text", { error: null }, { error: [] }, { error: [], result: {} }],
      ...[{ result: { XXBTZUSD: [], last: 1 } }, { error: [], result: { last: 1 } }],
      ...[{ error: [], result: { A: [], B: [], last: 1 } }, { error: [], result: { A: 5, last: 1 } }],
      ...[{ error: [], result: { XXBTZUSD: [] } }, { error: [], result: { XXBTZUSD: [], last: null } }],
    ],
  },
  {
    name: "binance",
    read: (restUrl) =>
      createBinanceHistory({ restUrl, timeframe: "1m", stepMs: MINUTE, backoffMs: 1 })
        .read("BTCUSDT", START, START + MINUTE, signal),
    sound: [[START, "2", "4", "1", "3", "1", START + MINUTE - 1, "3", 1, "0", "0", "0"]],
    unsound: [null, {}, "text", { code: -1, msg: "odd" }, { status: "ERROR" }],
  },
];

for (const { name, read, sound, unsound } of vendors) {
  for (const body of unsound) {
    Deno.test(`${name}: ${JSON.stringify(body)} with status 200 is asked for again and proves nothing`, async () => {
      const excerpt = typeof body === "string" ? body : JSON.stringify(body).slice(0, 20);
      await using passing = startServer([body, sound]);
      assertEquals((await Array.fromAsync(read(passing.url))).flat().map(({ ts }) => ts), [START]);
      assertEquals(passing.paths.length, 2);
      await using lasting = startServer([body]);
      const pages: unknown[] = [];
      const error = await assertRejects(async () => {
        for await (const page of read(lasting.url)) pages.push(page);
      }, FeedError);
      assertEquals([error.reason, error.isFatal, lasting.paths.length, pages], ["history", false, ATTEMPTS, []]);
      assertStringIncludes(error.message, excerpt);
    });
  }
}

const circles: Record<string, (token: string) => unknown> = {
  alpaca: (token: string) => ({ bars: {}, next_page_token: token }),
  massive: (token: string) => ({
    status: "OK",
    resultsCount: 0,
    next_url: `https://api.massive.com/v2?cursor=${token}`,
  }),
};
for (const { name, read } of vendors.slice(0, 2)) {
  for (const tokens of ["AA", "ABA", "ABCB"]) {
    Deno.test(`${name}: pages ${[...tokens].join(", ")} end at once, as the chain never would`, async () => {
      await using server = startServer([...tokens].map(circles[name]));
      const error = await assertRejects(() => Array.fromAsync(read(server.url)), FeedError, "repeats a page");
      assertEquals([error.reason, server.paths.length], ["history", tokens.length]);
    });
  }
}

Deno.test("Alpaca's chain of options ends where its pages go round in circles", async () => {
  await using server = startServer(["A", "B", "A"].map((token) => ({ snapshots: {}, next_page_token: token })));
  const options = { url: server.url, key: "k", secret: "s", bucket: createTokenBucket(Infinity) };
  const pages = readAlpacaChain("AAPL", signal, options, () => {});
  await assertRejects(() => Array.fromAsync(pages), FeedError, "repeats a page");
  assertEquals(server.paths.length, 3);
});

Deno.test("Kraken's trades that lead back to an earlier page end at once", async () => {
  const long = Array.from({ length: 720 }, (_, at) => [START / 1000 + (at + 1) * 60, ..."111111", 1]);
  const page = (last: number) => ({
    error: [],
    result: { XXBTZUSD: [["2", "1", 5, "b", "l", "", 7]], last: `${last}` },
  });
  await using server = startServer([{ error: [], result: { XXBTZUSD: long, last: 1 } }, page(5)]);
  await assertRejects(() => Array.fromAsync(vendors[2].read(server.url)), FeedError, "lead back");
  assertEquals(server.paths.length, 2);
});

Deno.test("Binance's page that ends before its start is an error", async () => {
  const [sound] = vendors[3].sound as unknown[][];
  await using server = startServer([[sound.with(0, START - MINUTE).with(6, START - 1)]]);
  const error = await assertRejects(() => Array.fromAsync(vendors[3].read(server.url)), FeedError, "before the start");
  assert(server.paths.length === 1 && error.reason === "history");
});
