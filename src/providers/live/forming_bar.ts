/**
 * Bars from feeds that send a bar again with each change and never say that it is over.
 *
 * A bar is **forming** from its first state until a later bar of its symbol begins, or its time is over by the wall clock.
 * Then it is emitted as final. It is in **doubt** where its states ended well before it did: what followed them may have been
 * lost on the way, and no later bar shows that. So is a bar that the clock has closed where the feed ends before a state of a
 * later bar: states come in order, and nothing shows that the last ones of the bar were not on their way still.
 *
 * @module
 */
import type { FeedBar } from "./feed.ts";

/** Finds out when bars are over. */
export interface FormingBars {
  /** Takes the newest state of a bar. */
  update(bar: FeedBar): void;
  /** Takes bars that are over, in order. */
  finished(bars: readonly FeedBar[]): void;
  /** Ends the waiting, as the feed does; forming bars are forgotten. */
  stop(): void;
}

/** Options of {@linkcode createCloser}. */
export interface CloserOptions {
  stepMs: number;
  /** How long after its end a bar is over, in milliseconds, where no later one has begun. */
  closeAfterMs: number;
  /** Whether to emit forming bars too, as `provisional`. */
  provisional: boolean;
  emit: (bars: readonly FeedBar[]) => void;
  /** Called for a bar that was emitted as final and is in doubt: its symbol, start and end (epoch ms). */
  doubt: (symbol: string, from: number, to: number) => void;
  pace: Pace;
}

/** How often the feed sends states of a bar: after a longer silence than that allows a closed bar is in doubt. */
export interface Pace {
  /** Silence that is never long, in milliseconds. */
  readonly quietMs: number;
  /**
   * How many times as long as between states on average a silence may be, for feeds that send a state with each trade.
   * A symbol with too few states is not in doubt. @default {the feed keeps its own pace}
   */
  readonly times?: number;
}

/** State of a symbol. */
interface Series {
  forming?: FeedBar;
  /** Start of the newest bar emitted as final. */
  closed: number;
  /** Whether the clock has closed that bar, and no state of a later one has come. */
  isUnproven: boolean;
  /** When its last state came, in milliseconds of the clock that only runs forward. */
  heardAt: number;
  /** Average time between states, in milliseconds. */
  meanMs: number;
}

/** Weight of the newest interval in the average. */
const WEIGHT = 1 / 16;

/**
 * Makes a closer. A state of a bar that was already emitted is a correction of it, but where only the clock has closed the bar:
 * such a state was late, and the next one may never come.
 */
export function createFormingBars(options: CloserOptions): FormingBars {
  const { stepMs, closeAfterMs, provisional, emit, pace } = options;
  const all = new Map<string, Series>();

  function series(symbol: string): Series {
    let found = all.get(symbol);
    if (found === undefined) {
      all.set(symbol, found = { closed: -Infinity, isUnproven: false, heardAt: NaN, meanMs: NaN });
    }
    return found;
  }

  function close(of: Series, bar: FeedBar, now: number): void {
    of.forming = undefined;
    of.closed = bar.ts;
    emit([bar]);
    const quietMs = pace.times === undefined ? pace.quietMs : Math.max(pace.quietMs, pace.times * of.meanMs);
    // No average yet makes this false.
    if (now - of.heardAt > quietMs) options.doubt(bar.symbol, bar.ts, bar.ts + stepMs);
  }

  const timer = setInterval(() => {
    const now = Date.now();
    for (const of of all.values()) {
      const { forming } = of;
      if (forming === undefined || now < forming.ts + stepMs + closeAfterMs) continue;
      of.isUnproven = true;
      close(of, forming, performance.now());
    }
  }, Math.min(1000, closeAfterMs));

  return {
    update(bar) {
      const of = series(bar.symbol);
      const { forming } = of;
      // The clock has closed it too early: the state is news of the bar, but older than all that history says of it.
      if (bar.ts === of.closed && of.isUnproven) return emit([bar]);
      if (bar.ts <= of.closed || forming !== undefined && bar.ts < forming.ts) {
        return emit([{ ...bar, status: "correction" }]);
      }
      const now = performance.now();
      if (forming !== undefined && bar.ts > forming.ts) close(of, forming, now);
      const sinceMs = now - of.heardAt;
      if (!Number.isNaN(sinceMs)) {
        of.meanMs = Number.isNaN(of.meanMs) ? sinceMs : of.meanMs + (sinceMs - of.meanMs) * WEIGHT;
      }
      of.heardAt = now;
      of.isUnproven = false;
      of.forming = bar;
      if (provisional) emit([{ ...bar, status: "provisional" }]);
    },
    finished(bars) {
      for (const { symbol, ts } of bars) {
        const of = series(symbol);
        if (of.forming !== undefined && ts >= of.forming.ts) of.forming = undefined;
        if (ts >= of.closed) of.isUnproven = false;
        of.closed = Math.max(ts, of.closed);
      }
      if (bars.length > 0) emit(bars);
    },
    stop() {
      clearInterval(timer);
      for (const [symbol, { closed, isUnproven }] of all) {
        if (isUnproven) options.doubt(symbol, closed, closed + stepMs);
      }
      all.clear();
    },
  };
}
