import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { createMassive } from "../../src/providers/massive.ts";
import type { Provider } from "../../src/providers/provider.ts";
import type { Frame } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import { createReceiveClock } from "../../src/records/record.ts";
import { providerSettings } from "../support/providers.ts";
import { recordsOf } from "../support/frames.ts";

type Answer = (url: URL, request: Request) => Response;

/** A REST endpoint that answers as it is told, and remembers what it was asked. */
function startRest(answer: Answer) {
  const asked: { url: URL; authorization: string | null }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const url = new URL(request.url);
    asked.push({ url, authorization: request.headers.get("authorization") ?? request.headers.get("apca-api-key-id") });
    return answer(url, request);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function alpaca(url: string, symbols: readonly string[]): Provider {
  const variables: Record<string, string> = { ALPACA_API_KEY: "k", ALPACA_SECRET_KEY: "s", ALPACA_DATA_URL: url };
  return createAlpaca(providerSettings({
    kinds: [recordKind("option")],
    symbols,
    variable: (name) => variables[name],
  }));
}

function massive(url: string, kind: string, symbols: readonly string[]): Provider {
  const variables: Record<string, string> = { MASSIVE_API_KEY: "k", MASSIVE_REST_URL: url };
  return createMassive(providerSettings({ kinds: [recordKind(kind)], symbols, variable: (name) => variables[name] }));
}

/** Reads frames until there are `count`, then stops, and gives them with what was noticed. */
async function read(provider: Provider, count: number): Promise<{ frames: Frame[]; notices: string[] }> {
  const stop = new AbortController();
  const notices: string[] = [];
  const frames: Frame[] = [];
  const stream = provider.open({
    stop: stop.signal,
    clock: createReceiveClock(),
    pace: () => Promise.resolve(),
    warn: (text) => notices.push(text),
    emit() {},
    newest: () => Promise.resolve(new Map()),
  });
  for await (const frame of stream) {
    frames.push(frame);
    if (frames.length === count) stop.abort();
  }
  return { frames, notices };
}

const SNAPSHOT = {
  latestQuote: { t: "2024-01-02T14:30:01.5Z", bp: 1.5, ap: 1.6, bs: 10, as: 12 },
  latestTrade: { t: "2024-01-02T14:29:00Z", p: 1.55, s: 1 },
  impliedVolatility: 0.31,
  greeks: { delta: 0.5, gamma: 0.02, rho: 0.01, theta: -0.05, vega: 0.1 },
};

Deno.test("alpaca: a chain is read page by page, and bad contracts of it are rejected alone", async () => {
  await using rest = startRest((url) => {
    const isSecond = url.searchParams.get("page_token") === "two";
    return Response.json(
      isSecond
        ? { snapshots: { AAPL240119P00152500: { latestQuote: { t: "2024-01-02T14:30:00Z", bp: 2, ap: 3 } } } }
        : {
          snapshots: { AAPL240119C00150000: SNAPSHOT, nonsense: {}, AAPL240119C00160000: {} },
          next_page_token: "two",
        },
    );
  });
  const { frames } = await read(alpaca(rest.url, ["AAPL"]), 2);
  assertEquals(
    rest.asked.map(({ url, authorization }) => [url.pathname, url.searchParams.get("limit"), authorization]),
    [
      ["/v1beta1/options/snapshots/AAPL", "1000", "k"],
      ["/v1beta1/options/snapshots/AAPL", "1000", "k"],
    ],
  );
  const [first, second] = frames;
  const { receivedAt: _, ...record } = recordsOf(first, "option")[0];
  assertEquals(recordsOf(first, "option").length, 1);
  assertEquals(record as unknown, {
    provider: "alpaca",
    symbol: "AAPL240119C00150000",
    underlying: "AAPL",
    expiry: "2024-01-19",
    type: "C",
    strike: 150,
    ts: Date.parse("2024-01-02T14:30:01.5Z"),
    bid: 1.5,
    ask: 1.6,
    last: 1.55,
    iv: 0.31,
    delta: 0.5,
    gamma: 0.02,
    theta: -0.05,
    vega: 0.1,
  });
  assertEquals(first.rejected.map(({ reason }) => reason), ["contract is not as documented"]);
  assertEquals(recordsOf(second, "option").map(({ symbol }) => symbol), ["AAPL240119P00152500"]);
  for (const frame of frames) {
    assertEquals(frame.kind, "option");
    for (const each of recordsOf(frame, "option")) {
      assertEquals(recordKind("option").validate(each, Date.now()), undefined);
    }
  }
});

Deno.test("massive: a chain has the underlying's price and times to the microsecond", async () => {
  await using rest = startRest(() =>
    Response.json({
      status: "OK",
      results: [
        {
          details: {
            ticker: "O:AAPL240119C00150000",
            contract_type: "call",
            expiration_date: "2024-01-19",
            strike_price: 150,
          },
          last_quote: { bid: 1.5, ask: 1.6, last_updated: 1704205801500123000 },
          day: { close: 1.4, volume: 77 },
          greeks: { delta: 0.5 },
          implied_volatility: 0.3,
          open_interest: 1200,
          underlying_asset: { price: 185.5, ticker: "AAPL" },
        },
        { details: { ticker: "O:X", contract_type: "other" } },
      ],
    })
  );
  const { frames: [frame] } = await read(massive(rest.url, "option", ["AAPL"]), 1);
  assertEquals([rest.asked[0].url.pathname, rest.asked[0].authorization], ["/v3/snapshot/options/AAPL", "Bearer k"]);
  const { receivedAt: _, ...record } = recordsOf(frame, "option")[0];
  assertEquals(record as unknown, {
    provider: "massive",
    symbol: "AAPL240119C00150000",
    underlying: "AAPL",
    expiry: "2024-01-19",
    type: "C",
    strike: 150,
    ts: 1704205801500.123,
    bid: 1.5,
    ask: 1.6,
    last: 1.4,
    iv: 0.3,
    delta: 0.5,
    openInterest: 1200,
    volume: 77,
    spot: 185.5,
  });
  assertEquals(frame.rejected.length, 1);
});

Deno.test("massive: a report is known from the day it was filed, with all its figures", async () => {
  await using rest = startRest(() =>
    Response.json({
      status: "OK",
      results: [
        {
          fiscal_period: "Q1",
          fiscal_year: "2024",
          filing_date: "2024-02-01",
          end_date: "2023-12-30",
          financials: {
            balance_sheet: { assets: { value: 353e9, unit: "USD" }, liabilities: { value: 279e9 } },
            income_statement: { net_income_loss: { value: 33e9 }, diluted_earnings_per_share: { value: 2.18 } },
          },
        },
        { fiscal_period: "FY", fiscal_year: "2023", end_date: "2023-09-30" },
        { fiscal_period: 1 },
      ],
    })
  );
  const { frames: [frame] } = await read(massive(rest.url, "fundamental", ["AAPL"]), 1);
  const { rejected } = frame;
  assertEquals(rest.asked[0].url.search, "?ticker=AAPL&limit=100");
  const [{ receivedAt: _, ...first }, second] = recordsOf(frame, "fundamental") as unknown as Record<string, unknown>[];
  assertEquals(first, {
    provider: "massive",
    symbol: "AAPL",
    period: "2024Q1",
    ts: Date.parse("2024-02-01"),
    totalAssets: 353e9,
    totalLiabilities: 279e9,
    netIncome: 33e9,
    eps: 2.18,
    items: {
      "balance_sheet.assets": 353e9,
      "balance_sheet.liabilities": 279e9,
      "income_statement.net_income_loss": 33e9,
      "income_statement.diluted_earnings_per_share": 2.18,
    },
  });
  assertEquals([second.period, second.items], ["FY2023", undefined]);
  assertEquals(rejected.map(({ reason }) => reason), ["period of a report is not as documented"]);
});

Deno.test("a refused symbol is named once, the others are read; when all are refused, the provider has failed", async () => {
  await using rest = startRest((url) =>
    url.pathname.endsWith("/NOPE")
      ? Response.json({ message: "not entitled" }, { status: 403 })
      : Response.json({ snapshots: { AAPL240119C00150000: SNAPSHOT } })
  );
  const both = await read(alpaca(rest.url, ["NOPE", "AAPL"]), 1);
  assertEquals(recordsOf(both.frames[0]).length, 1);
  assertEquals(both.notices.length, 1);
  assertMatch(both.notices[0], /option of NOPE could not be read: .*not entitled/);
  await assertRejects(() => read(alpaca(rest.url, ["NOPE"]), 1), Error, "not entitled");
});

Deno.test("a round that fails is tried again in the next, and rounds come no faster than asked for", async () => {
  let calls = 0;
  await using rest = startRest(() => {
    calls++;
    return calls <= 2
      ? Response.json({ snapshots: {}, next_page_token: "A" })
      : Response.json({ snapshots: { AAPL240119C00150000: SNAPSHOT } });
  });
  const variables: Record<string, string> = { ALPACA_API_KEY: "k", ALPACA_SECRET_KEY: "s", ALPACA_DATA_URL: rest.url };
  const provider = createAlpaca(providerSettings({
    kinds: [recordKind("option")],
    symbols: ["AAPL"],
    pollSeconds: 1,
    variable: (name) => variables[name],
  }));
  const started = performance.now();
  const { frames, notices } = await read(provider, 4);
  assert(performance.now() - started >= 1900, "rounds came too fast");
  assertEquals([frames.length, notices.length, calls], [4, 1, 4]);
});

Deno.test("bars and options of one provider come side by side, and share the rate of its endpoint", () => {
  const variables: Record<string, string> = { ALPACA_API_KEY: "k", ALPACA_SECRET_KEY: "s" };
  const provider = createAlpaca(providerSettings({
    kinds: [recordKind("bar"), recordKind("option")],
    symbols: ["AAPL"],
    variable: (name) => variables[name],
  }));
  assertEquals([provider.name, provider.buckets?.length, provider.symbols, provider.isLive], [
    "alpaca",
    1,
    ["AAPL"],
    true,
  ]);
  assert(provider.backfill !== undefined);
});
