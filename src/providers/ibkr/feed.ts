/**
 * Interactive Brokers as a feed: its connections, and history through the current one.
 *
 * @module
 */
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { type Feed, FeedError } from "../live/feed.ts";
import type { CallOutcome } from "../live/transport/rest.ts";
import type { Account } from "./account.ts";
import { oldestStart } from "./bars.ts";
import { isResetTime } from "./codes.ts";
import { type Connection, type ConnectionTiming, openConnection } from "./connection.ts";
import type { Listing } from "./contract.ts";
import { readHistory } from "./history.ts";
import { createHistoryConnection, type HistoryConnection, type Opening } from "./history_connection.ts";
import { hoursOf } from "./hours.ts";
import { type Live, subscribeAll } from "./live.ts";
import { DOCUMENTED_PER_SECOND } from "./pacing.ts";

/** Times of the feed; numbers are in milliseconds. */
export interface IbkrTiming extends ConnectionTiming {
  /** How long after its end a bar is finished if no later one has begun. */
  closeAfterMs: number;
  /** Longest silence before the end of a bar that leaves the bar in no doubt. */
  quietMs: number;
  /** Longest wait for the answer to a request. */
  requestTimeoutMs: number;
  /** How long after its request a subscription of real-time bars counts as accepted without a bar. */
  acceptAfterMs: number;
  /** First wait before a failed request is repeated: two equal ones must be 15 s apart. */
  retryMs: number;
}

/** Waits that TWS and IBKR require. */
const TIMING: IbkrTiming = {
  openTimeoutMs: 15_000,
  watchEveryMs: 30_000,
  answerMs: 10_000,
  isResetTime,
  closeAfterMs: 1_000,
  // States come every 4 to 6 seconds: one may be late or missing, not two.
  quietMs: 13_000,
  requestTimeoutMs: 60_000,
  acceptAfterMs: 10_000,
  retryMs: 16_000,
};

/** Options of {@linkcode createIbkrFeed}. */
export interface IbkrOptions {
  /** Shared by all feeds of the same TWS. */
  account: Account;
  listings: readonly Listing[];
  timeframe: string;
  /** Whether to emit forming bars, too. */
  provisional: boolean;
  timing?: Partial<IbkrTiming>;
  /** Called with the outcome of each request for history. */
  onCall?: (outcome: CallOutcome) => void;
}

/** Makes the feed. */
export function createIbkrFeed(options: IbkrOptions): Feed {
  const { account, listings, timeframe, provisional, onCall } = options;
  const { pacing, capacity, clock } = account;
  const timing = { ...TIMING, ...options.timing };
  let current: { connection: Connection; live: Live } | undefined;
  let closed = Promise.resolve();
  let alone: HistoryConnection | undefined;

  /** Opens a connection. */
  async function open(given: Opening): Promise<Connection> {
    const { address, wasReady } = account;
    try {
      const connection = await openConnection({
        ...{ ...address, wasReady },
        ...timing,
        ...given,
        nextId: account.nextId,
        onTime: clock.vendorSaid,
        onPort(port) {
          account.moved(port);
          given.onPort(account.address.port);
        },
      });
      account.wasReady = true;
      return connection;
    } catch (error) {
      account.unreachable(address.port);
      throw error;
    }
  }

  return {
    name: "ibkr",
    symbols: listings.map(({ symbol }) => symbol),
    timeframe,
    bucket: pacing.bucket,
    repairsPerSecond: DOCUMENTED_PER_SECOND,
    clock,

    async connect(session) {
      const closing = Promise.withResolvers<void>();
      /** Messages that TWS sends before it is ready. */
      const early: [number, string][] = [];
      let live: Live | undefined;
      closed = closing.promise;
      try {
        const connection = await open({
          signal: session.signal,
          onInfo: (code, text) => live === undefined ? void early.push([code, text]) : live.inform(code, text),
          onPort: (port) => session.warn(`TWS has changed its port to ${port}: set IBKR_PORT to it`),
          onUnreadable: (text) => session.reject({ raw: text.slice(0, 1000) }, "message is not as documented"),
        });
        live = subscribeAll({
          connection,
          session,
          listings,
          timeframe,
          clock,
          pacing,
          capacity,
          provisional,
          ...timing,
        });
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

    async *history([symbol], from, to, signal, onRequest) {
      const connection = alone === undefined ? current?.connection : await alone.connection();
      if (connection === undefined || current?.live.isOnline === false) {
        throw new FeedError("TWS is not connected", { reason: "history" });
      }
      const listing = listings.find((each) => each.symbol === symbol);
      if (listing === undefined) throw new RangeError(`Cannot read history of ${symbol}: it was not asked for`);
      yield* readHistory(
        { connection, listing, timeframe, clock, pacing, capacity, signal, onRequest, onCall, ...timing },
        from,
        to,
      );
    },
    calendar: hoursOf,
    historyStart: () => oldestStart(TIMEFRAMES.get(timeframe)!),
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
