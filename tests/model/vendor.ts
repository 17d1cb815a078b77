/**
 * A vendor whose stream and history are in memory, and who does wrong as a plan has it.
 *
 * @module
 */
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import { createFeedClock, explainAhead } from "../../src/providers/live/clock.ts";
import { calendarOf } from "../../src/providers/mod.ts";
import { createFeedProvider } from "../../src/providers/live/provider.ts";
import { type Feed, type FeedBar, FeedError, type Session } from "../../src/providers/live/feed.ts";
import type { Provider } from "../../src/providers/provider.ts";
import type { Bar } from "../../src/records/bar.ts";
import { providerSettings } from "../support/providers.ts";
import { CORRECTION_MS, type Market, MINUTE } from "./market.ts";
import type { Misdeeds } from "./plan.ts";
import { createShown } from "./shown.ts";
import { isIn, newestOf, streamOf } from "./streamed.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What a vendor is made of. */
export interface VendorOptions {
  name: string;
  time: VirtualTime;
  market: Market;
  misdeeds: Misdeeds;
  /** Says that something was sent that is not in memory. */
  touch: () => void;
  /** Requests that the account allows. @default {as with such vendors} */
  perMinute?: number;
  /** The stored row of a bar. */
  stored: (symbol: string, ts: number) => Bar | undefined;
}

/** Somebody who streams a market and has its history. */
export interface Vendor extends AsyncDisposable {
  /** Makes the provider of one process. */
  provider(dataDir: string): Provider;
  /** Requests to history so far. */
  readonly requests: number;
}

/** Requests a minute that each vendor documents. */
const PER_MINUTE: Readonly<Record<string, number>> = { alpaca: 200, massive: 1200, binance: 1200, kraken: 60, ibkr: 6 };
const LATENCY_MS = 40;
const PAGE_ROWS = 500;

/** Starts the vendor. */
export function startVendor(
  { name, time, market, misdeeds: given, stored, perMinute = PER_MINUTE[name] }: VendorOptions,
): Vendor {
  // Kraken's stream knows no corrections: history alone has late trades, and has them for good.
  const isConfirmed = name === "kraken";
  const misdeeds = isConfirmed ? { ...given, stale: [] } : given;
  const connections = new Map<Session, (error: unknown) => void>();
  const symbols = [...market.keys()];
  const shown = createShown({ now: time.now, market, misdeeds, stored });
  const clock = createFeedClock(MINUTE);
  let requests = 0;

  const stream = streamOf(market, misdeeds);
  function sendNext(): void {
    const { value, done } = stream.next();
    if (done) return;
    time.at(value[0].at, () => {
      const bars = value.filter(({ kind }) => !isConfirmed || kind !== "corrected").map(({ bar }) => bar)
        .filter(({ ts }) => explainAhead(ts, MINUTE, clock) === undefined);
      clock.vendorSaid(time.now());
      for (const { symbol, ts } of bars) clock.barEnded(symbol, ts + MINUTE);
      const partial = value.filter(({ isPartial }) => isPartial).map(({ bar }) => bar);
      for (const session of [...connections.keys()]) {
        session.emit(bars);
        for (const { symbol, ts } of partial) session.doubt(symbol, ts, ts + MINUTE, "partial");
      }
      sendNext();
    });
  }
  sendNext();
  for (const { from } of misdeeds.outages) {
    time.at(from, () => {
      for (const end of [...connections.values()]) end(new FeedError("Connection closed", { reason: "closed" }));
    });
  }

  function connect(session: Session): Promise<void> {
    return new Promise((_, reject) => {
      const end = (error: unknown) => {
        connections.delete(session);
        reject(error);
      };
      session.signal.addEventListener("abort", () => end(session.signal.reason), { once: true });
      time.at(time.now() + LATENCY_MS, () => {
        if (session.signal.aborted) return;
        if (isIn(misdeeds.outages, time.now())) return end(new FeedError("Connection refused", { reason: "connect" }));
        connections.set(session, end);
        for (const symbol of symbols) session.subscribed(symbol);
        const again = newestOf(market, time.now(), misdeeds.backlog);
        if (again.length > 0) session.emit(again);
      });
    });
  }

  async function* history(
    some: readonly string[],
    from: number,
    to: number,
    signal: AbortSignal,
    onRequest?: () => void,
  ): AsyncGenerator<readonly FeedBar[]> {
    let rest = [...some];
    let start = from;
    do {
      requests++;
      onRequest?.();
      await time.sleep(LATENCY_MS);
      signal.throwIfAborted();
      clock.vendorSaid(time.now());
      if (isIn(misdeeds.failures, time.now())) throw new FeedError("status 503", { reason: "history" });
      const rows = rest.flatMap((symbol, at) => shown(symbol, at === 0 ? start : from, to)).slice(0, PAGE_ROWS);
      const last = rows.at(-1);
      if (rows.length === PAGE_ROWS) {
        rest = rest.slice(rest.indexOf(last!.symbol));
        start = last!.ts + MINUTE;
      } else rest = [];
      yield rows;
    } while (rest.length > 0);
  }

  const makeFeed = (): Feed => ({
    name,
    symbols,
    timeframe: "1m",
    bucket: createTokenBucket(perMinute / 60),
    clock,
    calendar: (symbol) => calendarOf(name, symbol),
    correctionMs: CORRECTION_MS[name],
    isConfirmed,
    historySymbols: name === "alpaca" ? 200 : 1,
    connect,
    history,
  });
  return {
    provider: (dataDir) =>
      createFeedProvider({
        name,
        settings: providerSettings({ symbols, dataDir }),
        account: [],
        symbols,
        feed: makeFeed,
      }),
    get requests() {
      return requests;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
