/**
 * Interactive Brokers, through TWS or IB Gateway on this or another machine, where the user has logged in.
 *
 * Bars come from historical requests that are kept up to date, with trades outside regular hours. TWS sends a bar again
 * with each change, and then the next bar. Bars of a day start at midnight UTC of their date.
 *
 * @module
 */
import { type Address, createAccount } from "./ibkr/account.ts";
import { BAR_SIZES, SMALL_MS, SMALL_REACH_DAYS } from "./ibkr/bars.ts";
import { type Listing, readSymbol } from "./ibkr/contract.ts";
import { createIbkrFeed, type IbkrTiming } from "./ibkr/feed.ts";
import { hoursOf } from "./ibkr/hours.ts";
import { createFeedProvider } from "./live/provider.ts";
import { type Provider, type ProviderDeclaration, type ProviderSettings, SettingError } from "./provider.ts";

/** Declares the provider `ibkr`. */
export const ibkr: ProviderDeclaration = {
  create: createIbkr,
  calendar: hoursOf,
  delayMs: 0,
  account: "single",
  assets: ["stocks", "currencies", "indices", "futures"],
  history: `bars of up to ${SMALL_MS / 1000} s: ${SMALL_REACH_DAYS} days; longer ones: no documented end`,
};

/**
 * Makes the provider `ibkr`; `timing` is for tests, `backoffMs` the first wait between connections.
 *
 * @throws {AggregateError} With a `SettingError` for each invalid symbol, timeframe or variable.
 */
export function createIbkr(
  settings: ProviderSettings,
  timing: Partial<IbkrTiming> & { backoffMs?: number } = {},
): Provider {
  const { timeframe, provisional } = settings;
  const problems: SettingError[] = [];
  const address = readAddress(settings.variable, problems);
  const listings = readSymbols(settings.symbols, problems);
  if (!BAR_SIZES.has(timeframe)) {
    const expected = `expected one of ${[...BAR_SIZES.keys()].join(", ")} for ibkr`;
    problems.push(new SettingError("timeframe", `current value is "${timeframe}", ${expected}`));
  }
  if (problems.length > 0) throw new AggregateError(problems, "Cannot start ibkr");
  const account = createAccount(address, timeframe);
  return createFeedProvider({
    name: "ibkr",
    settings,
    backoffMs: timing.backoffMs,
    account: [address],
    symbols: listings.map(({ symbol }) => symbol),
    feed: (symbols, onCall) =>
      createIbkrFeed({ account, listings: readSymbols(symbols, []), timeframe, provisional, timing, onCall }),
  });
}

function readAddress(variable: ProviderSettings["variable"], problems: SettingError[]): Address {
  function whole(name: Uppercase<string>, fallback: number, from: number, to: number): number {
    const text = variable(name) ?? String(fallback);
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    const expected = `a whole number from ${from} to ${to}`;
    problems.push(new SettingError(name, `current value is "${text}", expected ${expected}`));
    return fallback;
  }
  const host = variable("IBKR_HOST") ?? "127.0.0.1";
  if (!/^[^\s/]+$/.test(host)) {
    const expected = "expected a name or address without a port";
    problems.push(new SettingError("IBKR_HOST", `current value is "${host}", ${expected}`));
  }
  return {
    host,
    port: whole("IBKR_PORT", 7497, 1, 65_535),
    clientId: whole("IBKR_CLIENT_ID", 0, 0, 2 ** 31 - 1),
  };
}

function readSymbols(symbols: readonly string[], problems: SettingError[]): Listing[] {
  if (symbols.length === 0) problems.push(new SettingError("symbols", "none are given, give some, like AAPL,EUR.USD"));
  const listings: Listing[] = [];
  for (const symbol of new Set(symbols)) {
    const listing = readSymbol(symbol);
    if (typeof listing !== "string") listings.push(listing);
    else problems.push(new SettingError("symbols", `ibkr cannot read "${symbol}": ${listing}`));
  }
  return listings;
}
