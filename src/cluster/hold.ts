/**
 * Limits how long this instance may stream its shards.
 *
 * @module
 */

/**
 * A hold is **open** for a while after each successful heartbeat, counted from its sending. It is **over** before the
 * first one, after that time, and when it is ended.
 */
export interface Hold {
  /** Whether it is open at this moment: a process that hung resumes before its timers fire. */
  isOpen(): boolean;
  /** Opens it after a heartbeat sent at this moment. */
  extend(sentAt: Moment): void;
  /** Ends it, without a call of `onOver`. */
  end(): void;
}

/** A moment by the monotonic clock, which is never set, and by the wall clock, which runs while the machine sleeps; ms. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/** This moment. */
export const now = (): Moment => ({ monotonic: performance.now(), wall: Date.now() });

const LONG_AGO: Moment = { monotonic: -Infinity, wall: -Infinity };

/** Creates a hold that is over. `onOver` is called when its time has passed by either clock. */
export function createHold(holdMs: number, onOver: () => void): Hold {
  let until = LONG_AGO;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function isOpen(): boolean {
    const { monotonic, wall } = now();
    return monotonic < until.monotonic && wall < until.wall;
  }

  function watch(): void {
    clearTimeout(timer);
    if (isOpen()) timer = setTimeout(watch, Math.ceil(until.monotonic - performance.now()) + 1);
    else onOver();
  }

  return {
    isOpen,
    extend({ monotonic, wall }) {
      until = { monotonic: monotonic + holdMs, wall: wall + holdMs };
      watch();
    },
    end() {
      clearTimeout(timer);
      until = LONG_AGO;
    },
  };
}
