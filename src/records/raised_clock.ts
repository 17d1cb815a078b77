/**
 * A receive clock that continues after receive times of earlier runs and of stored rows.
 *
 * The order of observations is their order of receipt. A wall clock that was set back must not make a new record older
 * than an earlier one, whether from before a restart or from another host.
 *
 * @module
 */
import { createReceiveClock, type ReceiveClock } from "./record.ts";

/** See the module's description. Times are epoch microseconds. */
export interface RaisedClock {
  readonly clock: ReceiveClock;
  /** Continues after a receive time. A time more than a day ahead of the wall clock is ignored. */
  after(receivedAt: number): void;
}

/**
 * How far ahead of the wall clock receive times may be, in milliseconds: more than a wrong time zone. Times of a clock
 * that was years ahead would be useless.
 */
export const MAX_AHEAD_MS = 24 * 60 * 60_000;

/**
 * Creates a clock from a wall clock in epoch milliseconds.
 *
 * @param onRaised Called with each time after which the clock continues.
 */
export function createRaisedClock(now: () => number = Date.now, onRaised = (_receivedAt: number) => {}): RaisedClock {
  let clock = createReceiveClock(now);
  return {
    clock: (count) => clock(count),
    after(receivedAt) {
      if (receivedAt < clock(0) || receivedAt > (now() + MAX_AHEAD_MS) * 1000) return;
      clock = createReceiveClock(now, receivedAt + 1);
      onRaised(receivedAt);
    },
  };
}
