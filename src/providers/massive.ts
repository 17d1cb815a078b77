/**
 * US stocks from Massive, until 2025 Polygon.io: minute bars (`AM`) and second bars (`A`) over WebSocket, history by REST
 * `aggs`, after Massive's API documentation.
 *
 * @module
 */
import { usEquities } from "../calendar/mod.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";
import { readAddress } from "./live/transport/address.ts";
import { createFeedClock } from "./live/clock.ts";
import { combine } from "./live/combine.ts";
import { createPoller } from "./live/transport/poll.ts";
import { createFeedProvider } from "./live/provider.ts";
import { createMassiveFeed, DELAY_MS } from "./massive/feed.ts";
import { readMassiveFinancials } from "./massive/financials.ts";
import { HISTORY_TIMEFRAMES } from "./massive/history.ts";
import { readMassiveChain } from "./massive/options.ts";
import { type Provider, type ProviderDeclaration, type ProviderSettings, SettingError } from "./provider.ts";

/** The channel of each streamed timeframe. */
const CHANNELS: Readonly<Record<string, string>> = { "1m": "AM", "1s": "A" };
/** Time between polls of reports, in milliseconds: they come four times a year. */
const REPORTS_EVERY_MS = 6 * 60 * 60_000;

/** Declares the provider `massive`. */
export const massive: ProviderDeclaration = {
  create: createMassive,
  calendar: () => usEquities,
  delayMs: DELAY_MS,
  account: "single",
  assets: ["stocks"],
  history: "2 years or more, by plan",
  keys: ["MASSIVE_API_KEY"],
};

/**
 * Makes the provider `massive`, also called `polygon`; rows have `massive` under either name, so that the new name does
 * not split a series.
 *
 * @throws {AggregateError} With a {@linkcode SettingError} for each problem.
 */
export function createMassive(settings: ProviderSettings): Provider {
  const { timeframe, variable } = settings;
  const problems: SettingError[] = [];
  const symbols = [...new Set(settings.symbols)];
  if (symbols.length === 0) problems.push(new SettingError("symbols", "none are given, give some, like AAPL,MSFT"));
  if (symbols.includes("*")) {
    problems.push(new SettingError("symbols", 'current value is "*", expected names: history has no *'));
  }
  if (settings.isPast && !HISTORY_TIMEFRAMES.has(timeframe)) {
    const expected = [...HISTORY_TIMEFRAMES.keys()].join(", ");
    problems.push(new SettingError("timeframe", `massive has no bars of "${timeframe}", expected one of ${expected}`));
  } else if (!settings.isPast && !Object.hasOwn(CHANNELS, timeframe)) {
    const expected = Object.keys(CHANNELS).join(" or ");
    problems.push(new SettingError("timeframe", `massive streams no bars of "${timeframe}", expected ${expected}`));
  }
  const key = readKey(variable, problems);
  const socketUrl = readAddress(variable, "MASSIVE_STREAM_URL", "wss://socket.massive.com/stocks", problems, {
    foreign: /\/(options|forex|crypto|indices|futures)(\/|$)/,
    understood: "massive reads the cluster of stocks alone, others send other messages",
  });
  const restUrl = readAddress(variable, "MASSIVE_REST_URL", "https://api.massive.com", problems, { added: /\/v2$/ });
  const requests = variable("MASSIVE_REQUESTS_PER_MINUTE");
  const requestsPerMinute = requests === undefined ? undefined : Number(requests);
  if (requestsPerMinute !== undefined && !(requestsPerMinute > 0 && requestsPerMinute < Infinity)) {
    const message = `current value is ${JSON.stringify(requests)}, expected a number above 0`;
    problems.push(new SettingError("MASSIVE_REQUESTS_PER_MINUTE", message));
  }
  if (problems.length > 0) throw new AggregateError(problems, "Cannot start massive with these settings");

  const clock = createFeedClock(TIMEFRAMES.get(timeframe)!);
  const bars = createFeedProvider({
    name: "massive",
    settings,
    kinds: ["bar", "option", "fundamental"],
    account: [socketUrl, restUrl, key],
    symbols,
    feed: (symbols, onCall, warn) =>
      createMassiveFeed({
        symbols,
        timeframe,
        // History needs no channel.
        channel: CHANNELS[timeframe] ?? "",
        key,
        socketUrl,
        restUrl,
        requestsPerMinute,
        clock,
        warn,
        onCall,
      }),
  });
  const [bucket] = bars.buckets!;
  const page = { restUrl, key, bucket };
  const polled = { name: "massive", symbols, bucket };
  const parts: Record<string, () => Provider> = {
    bar: () => bars,
    option: () =>
      createPoller({
        ...polled,
        kind: "option",
        everyMs: settings.pollSeconds * 1000,
        ask: (underlying, signal, onCall) => readMassiveChain(underlying, { ...page, signal, onCall }),
      }),
    fundamental: () =>
      createPoller({
        ...polled,
        kind: "fundamental",
        everyMs: Math.max(settings.pollSeconds * 1000, REPORTS_EVERY_MS),
        ask: (symbol, signal, onCall) => readMassiveFinancials(symbol, { ...page, signal, onCall }),
      }),
  };
  return combine(settings.kinds.map(({ name }) => parts[name]()));
}

/** The key, which is never shown. */
function readKey(variable: ProviderSettings["variable"], problems: SettingError[]): string {
  const name = ["MASSIVE_API_KEY", "POLYGON_API_KEY"].find((each) => variable(each) !== undefined);
  const key = (name === undefined ? "" : variable(name)!).trim();
  if (key === "") {
    const message = "massive wants a key: set MASSIVE_API_KEY or POLYGON_API_KEY in the environment or in .env";
    problems.push(new SettingError("MASSIVE_API_KEY", message));
  } else if (!/^[\x21-\x7e]+$/.test(key)) {
    const message = "current value (not shown) has blanks or letters that no key has, expected the key alone";
    problems.push(new SettingError(name as Uppercase<string>, message));
  }
  return key;
}
