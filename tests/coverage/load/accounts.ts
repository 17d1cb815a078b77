/**
 * Accounts of the five vendors with many symbols: their history is that of the suite's fakes, with the vendor's limit, read by
 * the feed's own reader at its own pace; their stream is in memory.
 *
 * @module
 */
import { createAlpacaFeed } from "../../../src/providers/alpaca.ts";
import { createBinanceFeed } from "../../../src/providers/binance/feed.ts";
import { createAccount } from "../../../src/providers/ibkr/account.ts";
import { readSymbol } from "../../../src/providers/ibkr/contract.ts";
import { createIbkrFeed } from "../../../src/providers/ibkr/feed.ts";
import { createKrakenFeed } from "../../../src/providers/kraken/feed.ts";
import type { Feed } from "../../../src/providers/live/feed.ts";
import { createMassiveFeed } from "../../../src/providers/massive/feed.ts";
import { KEY as ALPACA_KEY, SECRET, startFakeAlpaca } from "../../support/fake_alpaca.ts";
import { startFakeBinance } from "../../support/fake_binance.ts";
import { type MarketBar, startFakeKraken } from "../../support/fake_kraken.ts";
import { KEY as MASSIVE_KEY, startFakeMassive } from "../../support/fake_massive.ts";
import { startFakeTws } from "../../support/fake_tws.ts";
import type { Lapses } from "../../support/lapse.ts";

/** See the module's description. */
export interface LoadAccount {
  /** Name of the provider. */
  readonly name: string;
  /** Requests a minute that the vendor documents. */
  readonly perMinute: number;
  /** Requests a minute at which Barline asks what is urgent. */
  readonly pacePerMinute: number;
  /** The part of them that everything may use that is not urgent. */
  readonly share: number;
  /** Requests that read so many minutes of so many symbols. */
  requestsFor(symbols: number, minutes: number): number;
  /** Whether history has rows of minutes without trades. */
  readonly showsQuiet: boolean;
  /** Name of a symbol with that number. */
  symbol(at: number): string;
  start(symbols: readonly string[], now: () => number): LoadVendor;
}

/** The bars of some symbols that history has by now. */
export type Show = (symbols: readonly string[]) => readonly MarketBar[];

/** The fake of an account. */
export interface LoadVendor extends AsyncDisposable {
  makeFeed(): Feed;
  show: Show;
  /** Whether each request is answered with an error. */
  isFailing: boolean;
  /** When each request for history came, in epoch ms. */
  readonly requests: readonly number[];
  /** Requests beyond the vendor's limit, which were refused. */
  readonly refusals: number;
}

const MINUTE = 60_000;
const oneEach = (symbols: number) => symbols;
/** Pages of 10,000 bars, of 200 symbols at most. */
const alpacaPages = (symbols: number, minutes: number) =>
  Math.ceil(symbols / 200) * Math.ceil(Math.min(symbols, 200) * minutes / 10_000);

/** What the REST side of a fake has, and how much of it may be asked a minute. */
function limitRest(
  { lapses, history }: { lapses: Lapses; history: MarketBar[] },
  perMinute: number,
  now: () => number,
  symbolsOf: (url: URL) => string[],
) {
  const requests: number[] = [];
  const state = { show: ((_) => []) as Show, isFailing: false, requests, refusals: 0 };
  lapses.now = now;
  lapses.lapse = (url, plain) => {
    requests.push(now());
    const isTooMuch = requests.length > perMinute && requests.at(-1 - perMinute)! > now() - MINUTE + 1000;
    if (isTooMuch) {
      state.refusals++;
      return Response.json({}, { status: 429 });
    }
    if (state.isFailing) return Response.json({}, { status: 503 });
    history.splice(0, history.length, ...state.show(symbolsOf(url)));
    return plain();
  };
  return state;
}

function startAlpaca(symbols: readonly string[], now: () => number): LoadVendor {
  const fake = startFakeAlpaca();
  const rest = limitRest(fake, 200, now, (url) => url.searchParams.get("symbols")!.split(","));
  return Object.assign(rest, {
    makeFeed: () =>
      createAlpacaFeed({
        ...{ streamUrl: "ws://127.0.0.1", barsUrl: `${fake.variables.ALPACA_DATA_URL}/v2/stocks/bars` },
        ...{ feed: "sip" as const, key: ALPACA_KEY, secret: SECRET, symbols, timeframe: "1m" },
      }),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  });
}

const startMassive = (perMinute: number) => (symbols: readonly string[], now: () => number): LoadVendor => {
  const fake = startFakeMassive({ known: symbols });
  const bars = { lapses: fake.lapses, history: fake.history as MarketBar[] };
  const rest = limitRest(bars, perMinute, now, ({ pathname }) => [pathname.split("/")[4]]);
  return Object.assign(rest, {
    makeFeed: () =>
      createMassiveFeed({
        ...{ symbols, timeframe: "1m", channel: "AM", key: MASSIVE_KEY, requestsPerMinute: perMinute },
        ...{ socketUrl: "ws://127.0.0.1", restUrl: fake.variables.MASSIVE_REST_URL },
      }),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  });
};

function startBinance(symbols: readonly string[], now: () => number): LoadVendor {
  const fake = startFakeBinance({ known: symbols });
  const rest = limitRest(fake, 3000, now, (url) => [url.searchParams.get("symbol")!]);
  return Object.assign(rest, {
    makeFeed: () =>
      createBinanceFeed({
        ...{ symbols, timeframe: "1m", provisional: false },
        ...{ socketUrl: "ws://127.0.0.1", restUrl: fake.variables.BINANCE_REST_URL },
      }),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  });
}

function startKraken(symbols: readonly string[], now: () => number): LoadVendor {
  const fake = startFakeKraken(symbols);
  const named = new Map(symbols.map((symbol) => [symbol.replace("/", ""), symbol]));
  const rest = limitRest(fake, 60, now, (url) => [named.get(url.searchParams.get("pair")!)!]);
  return Object.assign(rest, {
    makeFeed: () =>
      createKrakenFeed({
        ...{ symbols, timeframe: "1m", stepMs: MINUTE, provisional: false },
        ...{ socketUrl: "ws://127.0.0.1", restUrl: fake.variables.KRAKEN_REST_URL },
      }),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  });
}

function startIbkr(symbols: readonly string[], now: () => number): LoadVendor {
  const fake = startFakeTws();
  const requests: number[] = [];
  const opened: (AsyncDisposable | undefined)[] = [];
  const vendor = { show: ((_) => []) as Show, isFailing: false, requests, refusals: 0 };
  fake.now = now;
  fake.mishaps.shift = () => {
    requests.push(now());
    return vendor.isFailing ? { code: 162, text: "Historical Market Data Service error message:Failed" } : undefined;
  };
  fake.shows = () => {
    return vendor.show([fake.asked.at(-1)!.symbol]).map((bar) => ({ ...bar, count: bar.trades, wap: bar.close }));
  };
  return Object.assign(vendor, {
    makeFeed() {
      const address = { host: "127.0.0.1", port: fake.port, clientId: 1 };
      const listings = symbols.map(readSymbol).filter((each) => typeof each !== "string");
      const account = createAccount(address, "1m");
      const feed = createIbkrFeed({ account, listings, timeframe: "1m", provisional: false });
      opened.push(feed.openHistory!());
      return feed;
    },
    async [Symbol.asyncDispose]() {
      for (const each of opened) await each?.[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  });
}

/** The accounts, by what they are called. Requests of Binance weigh 2 of 6,000 a minute. */
export const accounts: Readonly<Record<string, LoadAccount>> = {
  "alpaca": account("alpaca", 200, startAlpaca, { requestsFor: alpacaPages }),
  "massive, free plan": account("massive", 5, startMassive(5)),
  "massive, unlimited plan": account("massive", 1200, startMassive(1200)),
  "ibkr": account("ibkr", 6, startIbkr, { pacePerMinute: 1800 }),
  "binance": account("binance", 3000, startBinance, {
    pacePerMinute: 1200,
    showsQuiet: true,
    symbol: (at) => `S${at}USDT`,
  }),
  // Each bar is confirmed, with half of the rate.
  "kraken": account("kraken", 60, startKraken, { share: 0.5, symbol: (at) => `S${at}/USD` }),
};

function account(
  name: string,
  perMinute: number,
  start: LoadAccount["start"],
  given: Partial<LoadAccount> = {},
): LoadAccount {
  const symbol = (at: number) => `S${at}`;
  return {
    ...{
      name,
      perMinute,
      pacePerMinute: perMinute,
      share: 0.1,
      showsQuiet: false,
      symbol,
      start,
      requestsFor: oneEach,
    },
    ...given,
  };
}
