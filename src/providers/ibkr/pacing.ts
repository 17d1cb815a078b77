/**
 * Paces requests for bars of Interactive Brokers.
 *
 * For bars up to 30 s: at most 60 requests in 10 minutes, and fewer than 6 of one contract in 2 s. For longer ones that
 * limit is lifted, and TWS itself refuses too many. New real-time bars: at most 60 requests in 10 minutes. In all cases
 * at most 50 messages are sent a second. Some room is left for other requests that TWS counts.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { createTokenBucket, type TokenBucket } from "../../pipeline/rate.ts";

const WINDOW_MS = 10 * 60_000;
const PER_WINDOW = 58;
const PER_SECOND = 30;
/** Fewer than 6 in 2 s, even if all are for one contract. */
const STRICT_PER_SECOND = 2.4;

/**
 * Requests a second by IBKR's documentation. For bars of more than 30 s, repairs keep to their share of it all the
 * same.
 */
export const DOCUMENTED_PER_SECOND = 60 / (WINDOW_MS / 1000);

/** Turns of requests. Outlasts connections, as TWS's own count does. */
export interface Pacing {
  /** The bucket that the pipeline slows down; its factor narrows the window, too. */
  readonly bucket: TokenBucket;
  /** Waits for a turn to request bars. */
  take(signal: AbortSignal): Promise<void>;
  /** Waits for a turn to request new real-time bars; `onWait` is called if it takes a while. */
  takeRealTime(signal: AbortSignal, onWait: () => void): Promise<void>;
}

/** Creates a pacing; `isStrict` is for bars up to 30 s. */
export function createPacing(isStrict: boolean): Pacing {
  const bucket = createTokenBucket(isStrict ? STRICT_PER_SECOND : PER_SECOND);
  const history = createWindow(() => Math.floor(PER_WINDOW * bucket.factor));
  const realTime = createWindow(() => PER_WINDOW);
  return {
    bucket,
    async take(signal) {
      if (isStrict) await history(signal);
      await bucket.take(1, signal);
    },
    async takeRealTime(signal, onWait) {
      await realTime(signal, onWait);
      await bucket.take(1, signal);
    },
  };
}

/** Creates a function that waits until fewer than `most` turns were taken within {@linkcode WINDOW_MS}. */
function createWindow(most: () => number): (signal: AbortSignal, onWait?: () => void) => Promise<void> {
  const taken: number[] = [];
  return async (signal, onWait) => {
    while (true) {
      signal.throwIfAborted();
      const now = performance.now();
      while (taken.length > 0 && taken[0] <= now - WINDOW_MS) taken.shift();
      if (taken.length < most()) break;
      onWait?.();
      await delay(taken[taken.length - most()] + WINDOW_MS - now, { signal });
    }
    taken.push(performance.now());
  };
}
