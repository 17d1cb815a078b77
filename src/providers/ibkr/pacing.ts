/**
 * How often Interactive Brokers may be asked for bars.
 *
 * For bars up to 30 s: at most 60 requests in 10 minutes, and fewer than 6 of one contract in 2 s. For longer ones that limit is lifted, and TWS says by itself when
 * it is too much. In all cases at most 50 requests are open at a time, and 50 messages are sent a second; some room is left
 * for requests that TWS counts otherwise.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { createTokenBucket, type TokenBucket } from "../../pipeline/rate.ts";
import { createWaiters } from "../../pipeline/waiters.ts";

const WINDOW_MS = 10 * 60_000;
const PER_WINDOW = 58;
const MAX_OPEN = 20;
const PER_SECOND = 30;
/** So that there are fewer than 6 in 2 s, were all of one contract. */
const STRICT_PER_SECOND = 2.4;

/** Turns at asking. */
export interface Pacing {
  /** The part of it that the pipeline slows down; its factor narrows the window too. */
  readonly bucket: TokenBucket;
  /** Waits for a turn, and gives what ends it: to be called once the request is answered, or given up. */
  take(signal: AbortSignal): Promise<() => void>;
}

/** Makes a pacing; `isStrict` is for bars up to 30 s. It outlasts connections, as TWS's own count does. */
export function createPacing(isStrict: boolean): Pacing {
  const bucket = createTokenBucket(isStrict ? STRICT_PER_SECOND : PER_SECOND);
  const asked: number[] = [];
  const waiters = createWaiters();
  let open = 0;

  async function waitForRoom(signal: AbortSignal): Promise<void> {
    while (open >= MAX_OPEN) {
      signal.throwIfAborted();
      await waiters.wait(signal);
    }
    signal.throwIfAborted();
    open++;
  }

  async function waitForWindow(signal: AbortSignal): Promise<void> {
    while (true) {
      const now = performance.now();
      while (asked.length > 0 && asked[0] <= now - WINDOW_MS) asked.shift();
      const most = Math.floor(PER_WINDOW * bucket.factor);
      if (asked.length < most) break;
      await delay(asked[asked.length - most] + WINDOW_MS - now, { signal });
    }
    asked.push(performance.now());
  }

  return {
    bucket,
    async take(signal) {
      await waitForRoom(signal);
      let isDone = false;
      const done = () => {
        if (isDone) return;
        isDone = true;
        open--;
        waiters.wakeAll();
      };
      try {
        if (isStrict) await waitForWindow(signal);
        await bucket.take(1, signal);
      } catch (error) {
        done();
        throw error;
      }
      return done;
    },
  };
}
