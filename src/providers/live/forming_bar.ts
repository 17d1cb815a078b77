/**
 * Bars from feeds that send a bar again with each change and never mark it as finished.
 *
 * A bar is **forming** from its first state until a later bar of its symbol begins, or its time has ended by the wall
 * clock. Then it is emitted as final. It is in **doubt** if its states ended well before the bar did: later states may
 * have been lost on the way, and no later bar shows that. A bar closed by the clock is also in doubt if the feed ends
 * before a state of a later bar: states come in order, and the last ones of the bar may still have been on their way.
 *
 * @module
 */
import type { FeedBar } from "./feed.ts";

/** Finds finished bars. */
export interface FormingBars {
  /** Takes the newest state of a bar. */
  update(bar: FeedBar): void;
  /** Takes finished bars, in order. */
  finished(bars: readonly FeedBar[]): void;
  /** Ends the waiting with the feed; forming bars are dropped. */
  stop(): void;
}

/** Options of {@linkcode createCloser}. */
export interface CloserOptions {
  stepMs: number;
  /** How long after its end a bar is finished if no later one has begun, in milliseconds. */
  closeAfterMs: number;
  /** Whether to emit forming bars too, as `provisional`. */
  provisional: boolean;
  emit: (bars: readonly FeedBar[]) => void;
  /** Called for a bar that was emitted as final and is in doubt: its symbol, start and end (epoch ms). */
  doubt: (symbol: string, from: number, to: number) => void;
  pace: Pace;
}

/** How often the feed sends states of a bar: a longer silence leaves a closed bar in doubt. */
export interface Pace {
  /** Silence that never counts as long, in milliseconds. */
  readonly quietMs: number;
  /**
   * Longest silence as a multiple of the average time between states, for feeds that send a state with each trade. A
   * symbol with too few states is not in doubt. @default {the feed keeps its own pace}
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
  /** When its last state came, in milliseconds of the monotonic clock. */
  heardAt: number;
  /** Average time between states, in milliseconds. */
  meanMs: number;
}

/** Weight of the newest interval in the average. */
const WEIGHT = 1 / 16;

/**
 * Makes a closer. A state of an emitted bar is a correction of it, unless only the clock has closed the bar: such a
 * state was late, and the next one may never come.
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
    // False without an average.
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
      // The clock has closed it too early: the state is newer than the bar, but older than anything that history has of
      // it.
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
