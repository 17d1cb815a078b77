/**
 * Kraken's spot market: no key needed. WebSocket API v2 and REST `OHLC` and `Trades`, after Kraken's API documentation.
 *
 * @module
 */
import { TIMEFRAMES } from "../records/timeframe.ts";
import { createKrakenFeed, hoursOf } from "./kraken/feed.ts";
import { checkSymbol } from "./kraken/symbols.ts";
import { readAddress } from "./live/transport/address.ts";
import { createFeedClock } from "./live/clock.ts";
import { createFeedProvider } from "./live/provider.ts";
import { type Provider, type ProviderDeclaration, type ProviderSettings, SettingError } from "./provider.ts";

/** Lengths of Kraken's bars, in minutes. */
const INTERVALS = [1, 5, 15, 30, 60, 240, 1440, 10080];

/** Kraken's derivatives have their own API. */
const SPOT_ALONE = {
  foreign: /^(demo-)?futures\.kraken\.com(\/|$)/,
  understood: "kraken reads the spot market alone",
};

/** Declares the provider `kraken`. */
export const kraken: ProviderDeclaration = {
  create: createKraken,
  calendar: hoursOf,
  delayMs: 0,
  account: "open",
  assets: ["crypto", "tokenised stocks"],
  history: "720 bars; older ones are made of trades",
  exampleSymbols: "BTC/USD,ETH/USD",
};

/**
 * Makes the provider `kraken`. `KRAKEN_WS_URL` and `KRAKEN_REST_URL` name other servers.
 *
 * @throws {AggregateError} With a {@linkcode SettingError} for each problem.
 */
export function createKraken(settings: ProviderSettings): Provider {
  const { timeframe, variable } = settings;
  const stepMs = TIMEFRAMES.get(timeframe)!;
  const interval = stepMs / 60_000;
  const symbols = [...new Set(settings.symbols)];
  const problems = symbols.flatMap((symbol) => {
    const problem = checkSymbol(symbol);
    return problem === undefined ? [] : [new SettingError("symbols", problem)];
  });
  if (symbols.length === 0) {
    problems.push(new SettingError("symbols", "none are given, give some, like BTC/USD,ETH/USD"));
  }
  if (!INTERVALS.includes(interval)) {
    const names = [...TIMEFRAMES].flatMap(([name, ms]) => INTERVALS.includes(ms / 60_000) ? [name] : []);
    const message = `kraken has no bars of "${timeframe}", expected one of ${names.join(", ")}`;
    problems.push(new SettingError("timeframe", message));
  }
  const socketUrl = readAddress(variable, "KRAKEN_WS_URL", "wss://ws.kraken.com/v2", problems, SPOT_ALONE);
  const restUrl = readAddress(variable, "KRAKEN_REST_URL", "https://api.kraken.com", problems, {
    added: /\/0(\/public)?$/,
    ...SPOT_ALONE,
  });
  if (problems.length > 0) throw new AggregateError(problems, "Cannot start kraken with these settings");

  const { provisional } = settings;
  const clock = createFeedClock(stepMs);
  return createFeedProvider({
    name: "kraken",
    settings,
    account: [socketUrl, restUrl],
    symbols,
    feed: (symbols, onCall) =>
      createKrakenFeed({ symbols, timeframe, stepMs, socketUrl, restUrl, provisional, clock, onCall }),
  });
}
