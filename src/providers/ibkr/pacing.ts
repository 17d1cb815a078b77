/**
 * How often Interactive Brokers may be asked for bars.
 *
 * For bars up to 30 s: at most 60 requests in 10 minutes, and fewer than 6 of one contract in 2 s. For longer ones that
 * limit is lifted, and TWS says by itself when it is too much. New real-time bars: at most 60 requests in 10 minutes. In
 * all cases 50 messages are sent a second at most. Some room is left for requests that TWS counts otherwise.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { createTokenBucket, type TokenBucket } from "../../pipeline/rate.ts";

const WINDOW_MS = 10 * 60_000;
const PER_WINDOW = 58;
const PER_SECOND = 30;
/** So that there are fewer than 6 in 2 s, were all of one contract. */
const STRICT_PER_SECOND = 2.4;

/** Requests a second that IBKR documents. For bars of more than 30 s repairs keep to their share of it all the same. */
export const DOCUMENTED_PER_SECOND = 60 / (WINDOW_MS / 1000);

/** Turns at asking. It outlasts connections, as TWS's own count does. */
export interface Pacing {
  /** The part of it that the pipeline slows down; its factor narrows the window too. */
  readonly bucket: TokenBucket;
  /** Waits for a turn to ask for bars. */
  take(signal: AbortSignal): Promise<void>;
  /** Waits for a turn to ask for new real-time bars; `onWait` hears that it takes a while. */
  takeRealTime(signal: AbortSignal, onWait: () => void): Promise<void>;
}

/** Makes a pacing; `isStrict` is for bars up to 30 s. */
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

/** Makes what waits until fewer than `most` turns were taken within {@linkcode WINDOW_MS}. */
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
