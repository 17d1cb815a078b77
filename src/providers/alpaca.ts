/**
 * US stocks from Alpaca: minute bars, and their corrections some 30 s later. Stream and REST v2 of its Market Data API.
 *
 * @module
 */
import { always, type Calendar, usEquities } from "../calendar/mod.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";
import { combine } from "./live/combine.ts";
import { createPoller } from "./live/transport/poll.ts";
import { readAlpacaChain } from "./alpaca/options.ts";
import { createHistory, HISTORY_SYMBOLS, HISTORY_TIMEFRAMES } from "./alpaca/history.ts";
import { type AlpacaFeed, FEEDS } from "./alpaca/feeds.ts";
import { runStream } from "./alpaca/stream.ts";
import type { Feed } from "./live/feed.ts";
import { readAddress } from "./live/transport/address.ts";
import { createFeedClock, type FeedClock } from "./live/clock.ts";
import { createFeedProvider } from "./live/provider.ts";
import type { CallOutcome } from "./live/transport/rest.ts";
import { type Provider, type ProviderDeclaration, type ProviderSettings, SettingError } from "./provider.ts";

const MINUTE_MS = 60_000;
/** Alpaca's other streams and endpoints have other messages or symbols, options even another encoding. */
const STOCKS_ALONE = {
  foreign: /\/(v1beta3\/crypto|v1beta1\/(crypto|news|options|indicative|opra))(\/|$)/,
  understood: "alpaca reads stocks alone, no crypto, news or options",
};

/** US equities, except for the made-up stock of the test feed. */
const calendarOf = (symbol: string): Calendar => symbol === "FAKEPACA" ? always : usEquities;

/** Declares the provider `alpaca`. */
export const alpaca: ProviderDeclaration = {
  create: createAlpaca,
  calendar: calendarOf,
  delayMs: 15 * MINUTE_MS,
  account: "single",
  assets: ["stocks"],
  history: "as far as the plan allows",
  keys: ["ALPACA_API_KEY", "ALPACA_SECRET_KEY"],
};

/**
 * Makes the provider `alpaca`. `ALPACA_API_KEY` and `ALPACA_SECRET_KEY` are needed; `ALPACA_FEED` is one of {@linkcode
 * FEEDS}, `ALPACA_REQUESTS_PER_MINUTE` what the plan allows. `ALPACA_STREAM_URL` and `ALPACA_DATA_URL` name other
 * servers: `/v2/stocks/bars` is added to the latter, and `/v2/{feed}` to the former, unless it has a path of its own.
 *
 * @throws {SettingError} If one setting is not valid.
 * @throws {AggregateError} If several are not valid, with a `SettingError` for each.
 */
export function createAlpaca(settings: ProviderSettings): Provider {
  const { variable } = settings;
  const symbols = [...new Set(settings.symbols)];
  const problems = checkSettings(settings);
  const refuse = (name: Uppercase<string>, message: string) => void problems.push(new SettingError(name, message));

  function secret(name: Uppercase<string>, what: string): string {
    const value = variable(name)?.trim() ?? "";
    if (value === "") refuse(name, `it is not set, expected the ${what} of an Alpaca account, from its dashboard`);
    else if (!/^[\x21-\x7e]+$/.test(value)) {
      refuse(name, "current value (not shown) has blanks or letters that no key has, expected the key alone");
    }
    return value;
  }

  const key = secret("ALPACA_API_KEY", "key");
  const secretKey = secret("ALPACA_SECRET_KEY", "secret");
  const name = (variable("ALPACA_FEED") ?? "iex") as AlpacaFeed;
  if (!FEEDS.includes(name)) {
    refuse("ALPACA_FEED", `current value is ${JSON.stringify(name)}, expected one of ${FEEDS.join(", ")}`);
  }
  const stream = readAddress(variable, "ALPACA_STREAM_URL", "wss://stream.data.alpaca.markets", problems, {
    added: /\/v2$/,
    ...STOCKS_ALONE,
  });
  const streamUrl = new URL(stream).pathname === "/" ? `${stream}/v2/${name}` : stream;
  const dataUrl = readAddress(
    variable,
    "ALPACA_DATA_URL",
    "https://data.alpaca.markets",
    problems,
    { added: /\/v2(\/stocks(\/bars)?)?$/, ...STOCKS_ALONE },
  );
  const requests = variable("ALPACA_REQUESTS_PER_MINUTE");
  const requestsPerMinute = requests === undefined ? undefined : Number(requests);
  if (requestsPerMinute !== undefined && !(requestsPerMinute > 0 && requestsPerMinute < Infinity)) {
    refuse("ALPACA_REQUESTS_PER_MINUTE", `current value is ${JSON.stringify(requests)}, expected a number above 0`);
  }
  if (problems.length === 1) throw problems[0];
  if (problems.length > 1) throw new AggregateError(problems, "Cannot use alpaca with these settings");

  const clock = createFeedClock(TIMEFRAMES.get(settings.timeframe)!);
  const provider = createFeedProvider({
    name: "alpaca",
    settings,
    kinds: ["bar", "option"],
    account: [streamUrl, dataUrl, key, secretKey],
    symbols,
    feed: (symbols, onCall) =>
      createAlpacaFeed({
        streamUrl,
        barsUrl: `${dataUrl}/v2/stocks/bars`,
        feed: name,
        key,
        secret: secretKey,
        symbols,
        timeframe: settings.timeframe,
        requestsPerMinute,
        clock,
        onCall,
      }),
  });
  // The made-up stock has no history, which does not mean that it was not traded.
  const bars = name === "test" ? { ...provider, backfill: undefined } : provider;
  const [bucket] = bars.buckets!;
  const parts: Record<string, () => Provider> = {
    bar: () => bars,
    option: () =>
      createPoller({
        name: "alpaca",
        kind: "option",
        symbols,
        everyMs: settings.pollSeconds * 1000,
        bucket,
        ask: (underlying, signal, onCall) =>
          readAlpacaChain(underlying, signal, { url: dataUrl, key, secret: secretKey, bucket }, onCall),
      }),
  };
  return combine(settings.kinds.map(({ name }) => parts[name]()));
}

/**
 * Updates come some 30 s after their bar. After a lost connection bars of this age, in milliseconds, are read again.
 */
const CORRECTION_MS = 5 * 60_000;

/** How to reach a feed. */
export interface AlpacaFeedOptions {
  streamUrl: string;
  barsUrl: string;
  feed: AlpacaFeed;
  key: string;
  secret: string;
  symbols: readonly string[];
  /** `1m`; for history alone, one of {@linkcode HISTORY_TIMEFRAMES}. @default {"1m"} */
  timeframe?: string;
  /** REST requests that the account's plan allows. @default {200} */
  requestsPerMinute?: number;
  /** First wait before a REST request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  clock?: FeedClock;
  onCall?: (outcome: CallOutcome) => void;
}

/** Makes the feed. */
export function createAlpacaFeed(given: AlpacaFeedOptions): Feed {
  const { symbols, timeframe = "1m" } = given;
  const { clock = createFeedClock(TIMEFRAMES.get(timeframe)!) } = given;
  const options = { ...given, clock };
  const history = createHistory({ ...options, url: options.barsUrl });
  return {
    name: "alpaca",
    symbols,
    timeframe,
    calendar: calendarOf,
    clock,
    bucket: history.bucket,
    get historyLagMs() {
      return history.lagMs();
    },
    connect: (session) => runStream(session, { ...options, url: options.streamUrl }),
    historySymbols: HISTORY_SYMBOLS,
    correctionMs: CORRECTION_MS,
    history: history.read,
  };
}

/** The problems of the options. */
function checkSettings({ symbols, timeframe, isPast }: ProviderSettings): SettingError[] {
  const problems: SettingError[] = [];
  if (symbols.length === 0) {
    problems.push(new SettingError("symbols", "none are given, give some with --symbols AAPL,MSFT"));
  }
  if (symbols.includes("*")) {
    problems.push(new SettingError("symbols", 'current value is "*", expected names: history has no *'));
  }
  const current = JSON.stringify(timeframe);
  if (isPast && !HISTORY_TIMEFRAMES.has(timeframe)) {
    const expected = [...HISTORY_TIMEFRAMES.keys()].join(", ");
    problems.push(new SettingError("timeframe", `current value is ${current}, expected one of ${expected}`));
  } else if (!isPast && timeframe !== "1m") {
    problems.push(new SettingError("timeframe", `current value is ${current}, expected 1m: alpaca streams no other`));
  }
  return problems;
}
