/**
 * Bars from feeds that send a bar again with each trade and never say that it is over.
 *
 * @module
 */
import type { FeedBar } from "./feed.ts";

/** Finds out when bars are over. */
export interface Closer {
  /** Takes the newest state of a bar. */
  update(bar: FeedBar): void;
  /** Takes bars that are over, in order. */
  finished(bars: readonly FeedBar[]): void;
  /** Ends the waiting; bars under way are forgotten. */
  stop(): void;
}

/** Options of {@linkcode createCloser}. */
export interface CloserOptions {
  stepMs: number;
  /** How long after its end a bar is over, in milliseconds, where no later one has begun. */
  closeAfterMs: number;
  /** Whether to emit bars under way too, as `provisional`. */
  provisional: boolean;
  emit: (bars: readonly FeedBar[]) => void;
}

/**
 * Makes a closer. A bar is over when a later one of its symbol begins, or some time after its end by the wall clock. What
 * comes for a bar that was already emitted is a correction of it.
 */
export function createCloser(options: CloserOptions): Closer {
  const { stepMs, closeAfterMs, provisional, emit } = options;
  const open = new Map<string, FeedBar>();
  /** Start of the newest bar emitted as final. */
  const closed = new Map<string, number>();

  function close(bar: FeedBar): void {
    open.delete(bar.symbol);
    closed.set(bar.symbol, bar.ts);
    emit([bar]);
  }

  const timer = setInterval(() => {
    const now = Date.now();
    for (const bar of [...open.values()]) if (now >= bar.ts + stepMs + closeAfterMs) close(bar);
  }, Math.min(1000, closeAfterMs));

  return {
    update(bar) {
      if (bar.ts <= (closed.get(bar.symbol) ?? -Infinity)) return emit([{ ...bar, status: "correction" }]);
      const before = open.get(bar.symbol);
      if (before !== undefined && bar.ts < before.ts) return emit([{ ...bar, status: "correction" }]);
      if (before !== undefined && bar.ts > before.ts) close(before);
      open.set(bar.symbol, bar);
      if (provisional) emit([{ ...bar, status: "provisional" }]);
    },
    finished(bars) {
      for (const { symbol, ts } of bars) {
        if (ts >= (open.get(symbol)?.ts ?? Infinity)) open.delete(symbol);
        closed.set(symbol, Math.max(ts, closed.get(symbol) ?? -Infinity));
      }
      if (bars.length > 0) emit(bars);
    },
    stop: () => clearInterval(timer),
  };
}
