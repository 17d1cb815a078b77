/**
 * Binance's spot market. It needs no key, but is not served everywhere, so it is never a default. WebSocket streams and
 * REST `klines`, after Binance's spot API documentation.
 *
 * @module
 */
import { always } from "../calendar/mod.ts";
import { createBinanceFeed } from "./binance/feed.ts";
import { readAddress } from "./live/transport/address.ts";
import { createFeedClock } from "./live/clock.ts";
import { createFeedProvider } from "./live/provider.ts";
import { type Provider, type ProviderDeclaration, type ProviderSettings, SettingError } from "./provider.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";

/** Timeframes that Binance has, under the same names. */
const INTERVALS = ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"];
/**
 * The host for market data alone. It needs only the port of HTTPS, which firewalls let through, carries no account's
 * data, and has a REST host of the same kind.
 */
const SOCKET_URL = "wss://data-stream.binance.vision";
const REST_URL = "https://data-api.binance.vision";
/** Letters and digits of any script: some symbols are Chinese. */
const SYMBOL = /^[\p{L}\p{N}_]+$/u;

/** Binance's derivatives have their own hosts, whose sockets accept the streams of spot and send nothing. */
const SPOT_ALONE = {
  foreign: /^([fd]stream|[fde]api|nbstream)\.binance\./,
  understood: "binance reads the spot market alone",
};

/** Declares the provider `binance`. */
export const binance: ProviderDeclaration = {
  create: createBinance,
  calendar: () => always,
  delayMs: 0,
  account: "open",
  assets: ["crypto"],
  history: "to the first bar of each symbol",
  exampleSymbols: "BTCUSDT,ETHUSDT",
};

/**
 * Makes the provider `binance`. `BINANCE_WS_URL` and `BINANCE_REST_URL` name other servers than {@linkcode SOCKET_URL}
 * and {@linkcode REST_URL}: those of Binance.US, for instance.
 *
 * @throws {AggregateError} With a {@linkcode SettingError} for each problem.
 */
export function createBinance(settings: ProviderSettings): Provider {
  const { timeframe, variable } = settings;
  const symbols = [...new Set(settings.symbols)];
  const problems = symbols.flatMap(checkSymbol);
  if (symbols.length === 0) {
    problems.push(new SettingError("symbols", "none are given, give some, like BTCUSDT,ETHUSDT"));
  }
  if (!INTERVALS.includes(timeframe)) {
    const message = `binance has no bars of "${timeframe}", expected one of ${INTERVALS.join(", ")}`;
    problems.push(new SettingError("timeframe", message));
  }
  const socketUrl = readAddress(variable, "BINANCE_WS_URL", SOCKET_URL, problems, SPOT_ALONE);
  const restUrl = readAddress(variable, "BINANCE_REST_URL", REST_URL, problems, {
    added: /\/api(\/v3)?$/,
    ...SPOT_ALONE,
  });
  if (problems.length > 0) throw new AggregateError(problems, "Cannot start binance with these settings");

  const { provisional } = settings;
  const stepMs = TIMEFRAMES.get(timeframe)!;
  const clock = createFeedClock(stepMs);
  return createFeedProvider({
    name: "binance",
    settings,
    account: [socketUrl, restUrl],
    symbols,
    feed: (symbols, onCall) =>
      createBinanceFeed({ symbols, timeframe, socketUrl, restUrl, provisional, clock, onCall }),
  });
}

/** Only Binance's own spelling is valid: two spellings would split a series. */
function checkSymbol(symbol: string): SettingError[] {
  if (SYMBOL.test(symbol) && symbol === symbol.toUpperCase()) return [];
  const spelled = symbol.toUpperCase().replace(/[^\p{L}\p{N}]/gu, "");
  const hint = SYMBOL.test(spelled) ? `try ${spelled}` : "expected symbols like BTCUSDT";
  return [new SettingError("symbols", `binance cannot have a symbol "${symbol}": ${hint}`)];
}
