/**
 * Paces sources that can wait: a token bucket for each source that is read by demand and for each endpoint of history,
 * and a coordinator that slows all of them down while the pipeline is under pressure.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { type Backpressure, type Listener, on } from "../events.ts";

/** Factor of a source's rate at each level of backpressure. */
const FACTORS: Record<Backpressure, number> = { ok: 1, soft: 0.8, hard: 0.5 };

/** Most tokens that a bucket gathers while idle, in seconds of its rate: evens out timers, without allowing a flood. */
const BURST_SECONDS = 0.05;

/** A rate limit that callers wait for. */
export interface TokenBucket {
  /** Takes `count` tokens, and waits for them. More than the bucket holds are taken on credit. */
  take(count: number, signal?: AbortSignal): Promise<void>;
  /** Gives no token for this time, in milliseconds. */
  pause(ms: number): void;
  /** Tokens a second at full rate; may be changed when an endpoint allows less. */
  perSecond: number;
  /** Scales the rate; 1 is the full rate. Set by {@linkcode coordinateRates}. */
  factor: number;
}

/** Creates a bucket of `perSecond` tokens a second; `Infinity` never waits. */
export function createTokenBucket(perSecond: number, now: () => number = () => performance.now()): TokenBucket {
  let tokens = 0;
  let refilledAt = now();
  let pausedUntil = -Infinity;
  const bucket: TokenBucket = {
    perSecond,
    factor: 1,
    async take(count, signal) {
      const rate = bucket.perSecond * bucket.factor;
      const at = now();
      let waitMs = pausedUntil - at;
      if (rate < Infinity) {
        tokens = Math.min(tokens + (at - refilledAt) / 1000 * rate, Math.max(1, rate * BURST_SECONDS));
        refilledAt = at;
        // Taken on credit and waited for afterwards, so that a count above the burst passes at the right average, too.
        tokens -= count;
        waitMs = Math.max(waitMs, -tokens / rate * 1000);
      }
      if (waitMs <= 0) return;
      try {
        await delay(waitMs, { signal });
      } catch (error) {
        // The tokens are not used: the next caller need not wait for them.
        if (rate < Infinity) tokens += count;
        throw error;
      }
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, now() + ms);
    },
  };
  return bucket;
}

/**
 * Sets the rate of all buckets to × 0.8 while a queue is above its high watermark, × 0.5 while a circuit is open or
 * half-open, and back to × 1.0 on recovery. Returns the listener for the pipeline's events.
 */
export function coordinateRates(buckets: readonly TokenBucket[], emit: Listener): Listener {
  const pressed = new Set<string>();
  const broken = new Set<string>();
  let level: Backpressure = "ok";
  function adjust(): void {
    const next: Backpressure = broken.size > 0 ? "hard" : pressed.size > 0 ? "soft" : "ok";
    if (next === level) return;
    level = next;
    for (const bucket of buckets) bucket.factor = FACTORS[level];
    emit({ type: "backpressure", level, factor: FACTORS[level] });
  }
  return on({
    "watermark"(event) {
      toggle(pressed, event.kind, event.level === "high");
      adjust();
    },
    "circuit"({ kind, state }) {
      toggle(broken, kind, state !== "closed");
      adjust();
    },
  });
}

function toggle(set: Set<string>, name: string, on: boolean): void {
  if (on) set.add(name);
  else set.delete(name);
}
