/**
 * Interactive Brokers, through TWS or IB Gateway on this or another machine, where the user has logged in.
 *
 * Bars come from historical requests that are kept up to date, with trades outside regular hours. TWS sends a bar again with
 * each change, and the next one when its time has come. Bars of a day start at midnight UTC of their date.
 *
 * @module
 */
import { TIMEFRAMES } from "../records/timeframe.ts";
import { BAR_SIZES, isSmall } from "./ibkr/bars.ts";
import { isResetTime } from "./ibkr/codes.ts";
import { type Connection, type ConnectionOptions, type ConnectionTiming, openConnection } from "./ibkr/connection.ts";
import { type Listing, readSymbol } from "./ibkr/contract.ts";
import { readHistory } from "./ibkr/history.ts";
import { createHistoryConnection, type HistoryConnection } from "./ibkr/history_connection.ts";
import { type Live, subscribeAll } from "./ibkr/live.ts";
import { createPacing } from "./ibkr/pacing.ts";
import { type Feed, FeedError } from "./live/feed.ts";
import { createFeedProvider } from "./live/provider.ts";
import type { CallOutcome } from "./live/rest.ts";
import { type Provider, type ProviderSettings, SettingError } from "./provider.ts";

/** Times that the provider keeps, where they are numbers in milliseconds. */
export interface IbkrTiming extends ConnectionTiming {
  /** How long after its end a bar is over where no later one has begun. */
  closeAfterMs: number;
  /** Longest wait for the answer to a request. */
  requestTimeoutMs: number;
  /** First wait before a request that has failed is tried again: no two alike may come within 15 s. */
  retryMs: number;
  /** First wait between connections. */
  backoffMs: number;
}

const TIMING: IbkrTiming = {
  openTimeoutMs: 15_000,
  watchEveryMs: 30_000,
  answerMs: 10_000,
  isResetTime,
  closeAfterMs: 1_000,
  requestTimeoutMs: 60_000,
  retryMs: 16_000,
  backoffMs: 1_000,
};

/** Where TWS is. */
interface Address {
  readonly host: string;
  readonly port: number;
  readonly clientId: number;
}

/**
 * Makes the provider `ibkr`.
 *
 * @throws {AggregateError} With a `SettingError` for each symbol, timeframe or variable that does not do.
 */
export function createIbkr(settings: ProviderSettings, timing: Partial<IbkrTiming> = {}): Provider {
  const { timeframe } = settings;
  const problems: SettingError[] = [];
  const address = readAddress(settings.variable, problems);
  const listings = readSymbols(settings.symbols, problems);
  if (!BAR_SIZES.has(timeframe)) {
    const wanted = `wanted is one of ${[...BAR_SIZES.keys()].join(", ")} for ibkr`;
    problems.push(new SettingError("timeframe", `current value is "${timeframe}", ${wanted}`));
  }
  if (problems.length > 0) throw new AggregateError(problems, "Cannot start ibkr");
  const times = { ...TIMING, ...timing };
  return createFeedProvider({
    name: "ibkr",
    settings,
    overlapMs: 5 * TIMEFRAMES.get(timeframe)!,
    backoffMs: times.backoffMs,
    feed: (onCall) => createIbkrFeed(address, listings, settings, { ...times, onCall }),
  });
}

function createIbkrFeed(
  address: Address,
  listings: readonly Listing[],
  { timeframe, provisional }: ProviderSettings,
  timing: IbkrTiming & { onCall: (outcome: CallOutcome) => void },
): Feed {
  const pacing = createPacing(isSmall(TIMEFRAMES.get(timeframe)!));
  let current: { connection: Connection; live: Live } | undefined;
  let closed = Promise.resolve();
  let wasReady = false;
  let lastId = 0;
  let alone: HistoryConnection | undefined;

  /** Opens a connection. */
  async function open(given: Pick<ConnectionOptions, "signal" | "onInfo" | "onUnreadable">): Promise<Connection> {
    const connection = await openConnection({ ...address, ...timing, ...given, nextId: () => ++lastId, wasReady });
    wasReady = true;
    return connection;
  }

  return {
    name: "ibkr",
    symbols: listings.map(({ symbol }) => symbol),
    timeframe,
    bucket: pacing.bucket,

    async connect(session) {
      const closing = Promise.withResolvers<void>();
      /** What TWS says in one breath with being ready. */
      const early: [number, string][] = [];
      let live: Live | undefined;
      closed = closing.promise;
      try {
        const connection = await open({
          signal: session.signal,
          onInfo: (code, text) => live === undefined ? void early.push([code, text]) : live.inform(code, text),
          onUnreadable: (text) => session.reject({ raw: text.slice(0, 1000) }, "message is not as documented"),
        });
        live = subscribeAll({ connection, session, listings, timeframe, pacing, provisional, ...timing });
        for (const [code, text] of early) live.inform(code, text);
        current = { connection, live };
        try {
          await connection.ended;
        } finally {
          current = undefined;
          await connection.closed;
        }
      } finally {
        closing.resolve();
      }
    },

    async *history([symbol], from, to, signal) {
      const connection = alone === undefined ? current?.connection : await alone.connection();
      if (connection === undefined || current?.live.isOnline === false) {
        throw new FeedError("TWS is not connected", { reason: "history" });
      }
      const listing = listings.find((each) => each.symbol === symbol);
      if (listing === undefined) throw new RangeError(`Cannot read history of ${symbol}: it was not asked for`);
      yield* readHistory({ connection, listing, timeframe, pacing, signal, ...timing }, from, to);
    },
    openHistory() {
      alone = createHistoryConnection(open);
      return {
        async [Symbol.asyncDispose]() {
          await alone?.close();
          alone = undefined;
        },
      };
    },
    closed: () => closed,
  };
}

function readAddress(variable: ProviderSettings["variable"], problems: SettingError[]): Address {
  function whole(name: Uppercase<string>, fallback: number, from: number, to: number): number {
    const text = variable(name) ?? String(fallback);
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    const wanted = `a whole number from ${from} to ${to}`;
    problems.push(new SettingError(name, `current value is "${text}", wanted is ${wanted}`));
    return fallback;
  }
  const host = variable("IBKR_HOST") ?? "127.0.0.1";
  if (!/^[^\s/]+$/.test(host)) {
    const wanted = "wanted is a name or address without a port";
    problems.push(new SettingError("IBKR_HOST", `current value is "${host}", ${wanted}`));
  }
  return {
    host,
    port: whole("IBKR_PORT", 7497, 1, 65_535),
    clientId: whole("IBKR_CLIENT_ID", 0, 0, 2 ** 31 - 1),
  };
}

function readSymbols(symbols: readonly string[], problems: SettingError[]): Listing[] {
  if (symbols.length === 0) problems.push(new SettingError("symbols", "there are none, give some, like AAPL,EUR.USD"));
  const listings: Listing[] = [];
  for (const symbol of new Set(symbols)) {
    const listing = readSymbol(symbol);
    if (typeof listing !== "string") listings.push(listing);
    else problems.push(new SettingError("symbols", `ibkr cannot read "${symbol}": ${listing}`));
  }
  return listings;
}
