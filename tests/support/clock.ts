/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */
import FakeTimers from "@sinonjs/fake-timers";

/** Timers, `Date` and `performance` in the test's hands, until it is disposed. */
export interface FakeClock extends Disposable {
  /** Moves on by `ms`, runs the timers that are due, and lets go on what waited for them. */
  tick(ms: number): Promise<void>;
  /** Sets the wall clock alone, as a person or NTP does. */
  set(now: number): void;
  /** What it shows, in milliseconds since 1970. */
  readonly now: number;
  /** Timers that are set. */
  readonly timers: number;
}

/** Takes the clock over, and sets it to `now`. */
export function fakeClock(now = 0): FakeClock {
  const clock = FakeTimers.install({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
    now,
  });
  return {
    tick: async (ms) => void await clock.tickAsync(ms),
    set: (now) => clock.setSystemTime(now),
    get now() {
      return clock.now;
    },
    get timers() {
      return clock.countTimers();
    },
    [Symbol.dispose]: () => void clock.uninstall(),
  };
}
