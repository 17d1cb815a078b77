/**
 * The streams of one connection: one for each symbol, renewed whenever it dies.
 *
 * A symbol is **waiting** while TWS has no room for its stream, or its turn has not come; a warning names it, as its
 * bars do not come. Then its stream is **requested** and **active**. When it ends it is renewed, at once if TWS asks
 * for that, otherwise after a **rest** that doubles with each failure. A symbol that TWS refuses stays **refused** for
 * the connection.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { createCondition } from "../../condition.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { isBuildable } from "./builder.ts";
import type { Capacity, Release } from "./capacity.ts";
import { CODE, readFarm } from "./codes.ts";
import type { Listing } from "./contract.ts";
import type { Pacing } from "./pacing.ts";
import type { Session } from "../live/feed.ts";
import { type Ending, openStream, type Stream, type StreamOptions, type Way } from "./stream.ts";

/** Options of {@linkcode subscribeAll}. */
export interface LiveOptions extends StreamOptions {
  listings: readonly Listing[];
  pacing: Pacing;
  capacity: Capacity;
  /** First wait before a failed stream is opened again, in milliseconds; doubles. */
  retryMs: number;
}

/** The streams of a connection. */
export interface Live {
  /** Handles a message that names no request. */
  inform(code: number, text: string): void;
  /** Whether TWS has its own connection to IBKR. */
  readonly isOnline: boolean;
}

const MAX_RETRY_MS = 10 * 60_000;
/**
 * Longest rest of a stream that died with a broken farm, in milliseconds: TWS may not report that the farm works again.
 */
const BROKEN_RETRY_MS = 60_000;
/** Symbols that start to wait for the same reason within this time share a warning, in milliseconds. */
const TOGETHER_MS = 1000;

const NO_LINE = "TWS has no market data line left: get more for the account, or name fewer symbols";
const REAL_TIME = "some symbols come as real-time bars: TWS keeps too few historical requests up to date for all";
const NO_TURN = "IBKR takes 60 new requests for real-time bars in 10 minutes, the next ones follow";

/** Opens a stream for each symbol, and again whenever one dies, until the connection ends. */
export function subscribeAll(options: LiveOptions): Live {
  const { connection, session, listings, timeframe, pacing, capacity, retryMs } = options;
  const { signal } = connection;
  const streams = new Map<string, Stream>();
  const brokenFarms = new Set<string>();
  const recovery = createCondition();
  const waiting = createWaiting(session, signal);
  let isOnline = true;
  let recoveredAt = -Infinity;

  /** Waits for a way to receive the symbol's bars, and for its turn to request them. */
  async function takeWay(symbol: string): Promise<{ way: Way; release: Release }> {
    while (true) {
      let isSurplus = false;
      const request = await capacity.takeStream(signal, () => {
        isSurplus = true;
        streams.get(symbol)?.renew();
      });
      if (request !== undefined) {
        await pacing.take(signal).catch((error) => {
          request();
          throw error;
        });
        if (!isSurplus) return { way: "kept-up-to-date", release: request };
        // The request was to be released before its turn came.
        request();
        continue;
      }
      if (!isBuildable(TIMEFRAMES.get(timeframe)!)) {
        waiting.add(symbol, `TWS has no historical request left, and bars of ${timeframe} come no other way`);
      } else if (!capacity.hasLine) waiting.add(symbol, NO_LINE);
      else {
        await pacing.takeRealTime(signal, () => waiting.add(symbol, NO_TURN));
        const line = capacity.takeLine();
        if (line !== undefined) return { way: "real-time", release: line };
        continue;
      }
      await capacity.changed(signal);
    }
  }

  /** Runs a stream from its request to its end. */
  async function run(listing: Listing, way: Way): Promise<Ending> {
    const { symbol } = listing;
    waiting.delete(symbol);
    const stream = openStream(options, listing, way);
    streams.set(symbol, stream);
    if (way === "real-time") session.warn(REAL_TIME);
    try {
      return await stream.ended;
    } finally {
      streams.delete(symbol);
    }
  }

  /** Waits for the time, or until everything works again since `since`. */
  async function rest(ms: number, since: number): Promise<void> {
    if (recoveredAt >= since) return;
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    try {
      await Promise.race([delay(ms, { signal: until }), recovery.changed(until)]);
    } finally {
      over.abort();
    }
    signal.throwIfAborted();
  }

  /** Keeps a symbol subscribed. */
  async function keep(listing: Listing): Promise<void> {
    const { symbol } = listing;
    for (let failures = 0;;) {
      const { way, release } = await takeWay(symbol);
      let ending: Ending;
      try {
        ending = await run(listing, way);
        // Reported before it counts as free.
        if (ending.verdict === "full") capacity.refused(way === "real-time" ? "line" : "request");
      } finally {
        release();
      }
      const { verdict, text, workedMs, at } = ending;
      if (verdict === "refused") return session.refuse(symbol, text);
      session.interrupted(symbol);
      if (verdict === "renewed" || verdict === "full") continue;
      failures = workedMs >= retryMs ? 0 : failures + 1;
      if (verdict === "again" && failures === 0) {
        if (!isOnline || brokenFarms.size > 0) await rest(BROKEN_RETRY_MS, at);
      } else await rest(Math.min(retryMs * 2 ** Math.max(0, failures - 1), MAX_RETRY_MS), at);
    }
  }

  /** Bars may be missing from here on. */
  function interrupt(): void {
    for (const { symbol } of listings) session.interrupted(symbol);
  }
  /** Everything works again: requests missed bars, and retries failed streams. */
  function recover(): void {
    for (const [symbol, { isActive, renew }] of streams) {
      if (isActive) session.subscribed(symbol);
      else renew();
    }
    wakeResting();
  }
  function wakeResting(): void {
    recoveredAt = performance.now();
    recovery.notify();
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
        for (const { renew } of [...streams.values()]) renew();
        return wakeResting();
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

/** Symbols whose bars do not come now, each with the reason. */
interface Waiting {
  add(symbol: string, reason: string): void;
  delete(symbol: string): void;
}

/** Warns of waiting symbols, together where they share a reason. */
function createWaiting(session: Session, signal: AbortSignal): Waiting {
  const reasons = new Map<string, string>();
  const untold = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function tell(): void {
    timer = undefined;
    const still = [...untold].filter((symbol) => reasons.has(symbol));
    untold.clear();
    for (const [reason, symbols] of Map.groupBy(still, (symbol) => reasons.get(symbol)!)) {
      session.withhold(symbols, reason);
    }
  }

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return {
    add(symbol, reason) {
      if (signal.aborted || reasons.get(symbol) === reason) return;
      reasons.set(symbol, reason);
      untold.add(symbol);
      timer ??= setTimeout(tell, TOGETHER_MS);
    },
    delete(symbol) {
      reasons.delete(symbol);
    },
  };
}
