/**
 * The subscriptions of one connection: each is a request for history that is kept up to date.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { createCloser } from "../live/closer.ts";
import type { FeedBar, Session } from "../live/feed.ts";
import { BAR_SIZES, isOver, lookBack, type RawBar, readBar } from "./bars.ts";
import { CODE, judge, readFarm, type Verdict } from "./codes.ts";
import type { Connection } from "./connection.ts";
import type { Listing } from "./contract.ts";
import type { Pacing } from "./pacing.ts";

/** Options of {@linkcode subscribeAll}. */
export interface LiveOptions {
  connection: Connection;
  session: Session;
  listings: readonly Listing[];
  timeframe: string;
  pacing: Pacing;
  /** Whether to give bars under way too. */
  provisional: boolean;
  /** How long after its end a bar is over, in milliseconds, where no later one has begun. */
  closeAfterMs: number;
  /** Longest wait for an answer, in milliseconds. */
  requestTimeoutMs: number;
  /** First wait before a subscription that has failed is tried again, in milliseconds; doubles. */
  retryMs: number;
}

/** The subscriptions of a connection. */
export interface Live {
  /** Takes a message that names no request. */
  inform(code: number, text: string): void;
  /** Whether TWS has its own connection to IBKR. */
  readonly isOnline: boolean;
}

interface Ending {
  readonly verdict: Verdict;
  readonly text: string;
  /** Whether the subscription has worked. */
  readonly worked: boolean;
}

/** A subscription that waits, or is at work. */
interface Subscription {
  isActive: boolean;
  /** Ends it, so that it is made anew. */
  renew(): void;
}

const MAX_RETRY_MS = 10 * 60_000;

/** Subscribes all symbols, and again whenever a subscription dies, until the connection ends. */
export function subscribeAll(options: LiveOptions): Live {
  const { connection, session, listings, timeframe, pacing } = options;
  const { signal } = connection;
  const stepMs = TIMEFRAMES.get(timeframe)!;
  const subscriptions = new Map<string, Subscription>();
  const brokenFarms = new Set<string>();
  let isOnline = true;

  /** One subscription, from its request to its end. */
  async function run(listing: Listing): Promise<Ending> {
    const { symbol } = listing;
    const done = await pacing.take(signal);
    const { promise, resolve } = Promise.withResolvers<Ending>();
    const closer = createCloser({
      stepMs,
      closeAfterMs: options.closeAfterMs,
      provisional: options.provisional,
      emit: session.emit,
    });
    const initial: FeedBar[] = [];
    const subscription: Subscription = { isActive: false, renew: () => end("again", "") };
    const timer = setTimeout(() => end("later", "no answer"), options.requestTimeoutMs);

    function end(verdict: Verdict, text: string): void {
      resolve({ verdict, text, worked: subscription.isActive });
    }
    function read(raw: RawBar, take: (bar: FeedBar) => void): void {
      const bar = readBar(raw, listing, timeframe);
      if (typeof bar === "string") session.reject({ symbol, ...raw }, bar);
      else if (bar !== undefined) take(bar);
    }

    const cancel = connection.ask(
      { listing, barSize: BAR_SIZES.get(timeframe)!, duration: lookBack(stepMs), end: "", keepUpToDate: true },
      {
        bar: (raw) => read(raw, (bar) => void initial.push(bar)),
        done() {
          clearTimeout(timer);
          done();
          subscription.isActive = true;
          session.subscribed(symbol);
          const over = initial.filter((bar) => isOver(bar, options.closeAfterMs));
          closer.finished(over);
          for (const bar of initial) if (!over.includes(bar)) closer.update(bar);
          initial.length = 0;
        },
        update(raw) {
          read(raw, (bar) => {
            // What TWS sends of a time without trades, or what cannot be read, is no sign that data flows.
            session.alive(symbol);
            closer.update(bar);
          });
        },
        error(code, text) {
          const verdict = judge(code, text);
          // Nothing to look back on: the request is over with that, and its updates with it.
          if (verdict !== "ignore") end(verdict === "empty" ? "later" : verdict, `${text} (code ${code})`);
        },
      },
    );
    subscriptions.set(symbol, subscription);
    try {
      return await Promise.race([promise, connection.ended]);
    } finally {
      subscriptions.delete(symbol);
      clearTimeout(timer);
      done();
      closer.stop();
      cancel();
    }
  }

  /** Keeps a symbol subscribed. */
  async function keep(listing: Listing): Promise<void> {
    const { symbol } = listing;
    for (let failures = 0;;) {
      const { verdict, text, worked } = await run(listing);
      if (verdict === "refused") return session.refuse(symbol, text);
      session.interrupted(symbol);
      failures = worked ? 0 : failures + 1;
      if (verdict === "again" && failures === 0) continue;
      await delay(Math.min(options.retryMs * 2 ** Math.max(0, failures - 1), MAX_RETRY_MS), { signal });
    }
  }

  /** Bars may be missing from here on. */
  function interrupt(): void {
    for (const { symbol } of listings) session.interrupted(symbol);
  }
  /** All is well again: what was missed is asked for, and what did not come about is tried again. */
  function recover(): void {
    for (const [symbol, { isActive, renew }] of subscriptions) {
      if (isActive) session.subscribed(symbol);
      else renew();
    }
  }

  for (const listing of listings) keep(listing).catch(connection.end);

  return {
    get isOnline() {
      return isOnline;
    },
    inform(code, text) {
      if (code === CODE.lost || code === CODE.serverLost) {
        isOnline = false;
        return interrupt();
      }
      if (code === CODE.restoredWith) {
        isOnline = true;
        return recover();
      }
      if (code === CODE.restoredWithout) {
        isOnline = true;
        interrupt();
        for (const { renew } of [...subscriptions.values()]) renew();
        return;
      }
      const farm = readFarm(code, text);
      if (farm === undefined) return;
      if (!farm.isWell) {
        brokenFarms.add(farm.name);
        interrupt();
      } else if (brokenFarms.delete(farm.name)) recover();
    },
  };
}
