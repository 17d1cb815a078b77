/**
 * Notices a symbol that has gone silent although its market trades: heartbeats prove that a connection lives, not that it
 * delivers.
 *
 * @module
 */
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { Feed } from "./feed.ts";

/** A watch over the symbols of one connection. */
export interface StallWatch {
  /** Data of the symbol came, or its subscription was accepted. */
  heard(symbol: string): void;
}

/** Options of {@linkcode watchForStalls}. */
export interface StallOptions {
  feed: Feed;
  /** Silence that is looked into, in milliseconds. */
  stallMs: number;
  /** Ends the watch. */
  signal: AbortSignal;
  /** Told of a symbol that has bars in history which the connection has not delivered. */
  onStall: (symbol: string) => void;
}

/**
 * Watches. A quiet symbol may simply not trade, so history is asked before anything is done about it; while it has no
 * bars either, it is asked less and less often.
 */
export function watchForStalls({ feed, stallMs, signal, onStall }: StallOptions): StallWatch {
  const stepMs = TIMEFRAMES.get(feed.timeframe)!;
  const heardAt = new Map<string, number>();
  const patience = new Map<string, number>();
  let probing = false;

  async function probe(): Promise<void> {
    for (const [symbol, at] of heardAt) {
      const wait = patience.get(symbol) ?? stallMs;
      if (Date.now() - at < wait || signal.aborted) continue;
      patience.set(symbol, Math.min(wait * 2, 16 * stallMs));
      // The bar under way when it was last heard of, and the one before, may rightly not have been delivered.
      const from = Math.ceil(at / stepMs) * stepMs;
      const to = Date.now() - stepMs - (feed.historyLagMs ?? 0);
      for await (const bars of feed.history([symbol], from, to, signal)) {
        // While history answered, the connection may have delivered.
        if (bars.length > 0 && heardAt.get(symbol) === at) return onStall(symbol);
      }
    }
  }

  const timer = setInterval(() => {
    if (probing) return;
    probing = true;
    // A probe that fails proves nothing; the next one tries again.
    probe().catch(() => {}).finally(() => probing = false);
  }, Math.max(stallMs / 4, 10));
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });

  return {
    heard(symbol) {
      heardAt.set(symbol, Date.now());
      patience.delete(symbol);
    },
  };
}
