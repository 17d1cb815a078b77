/**
 * The pace of requests to Massive's REST API if the rate of the plan is not configured.
 *
 * It starts with the rate of paid plans. The first 429 brings it down to that of the free plan. After each {@linkcode
 * CALM_MS} without another it grows by {@linkcode STEP_PER_MINUTE}; a growth that is answered with 429 is taken back,
 * and the next one waits twice as long, up to an hour.
 *
 * @module
 */
import { createTokenBucket, type TokenBucket } from "../../pipeline/rate.ts";
import type { CallOutcome } from "../live/transport/rest.ts";

/** Paid plans have no limit, but are asked to stay below 100 requests a second; 20 leave room for others. */
const PAID_PER_MINUTE = 1200;
/** The free plan's limit. */
const FREE_PER_MINUTE = 5;
const STEP_PER_MINUTE = 60;
const CALM_MS = 60_000;
const MAX_CALM_MS = 60 * 60_000;

/** A bucket that learns its rate. */
export interface Pace {
  readonly bucket: TokenBucket;
  /** Reports the outcome of a request. */
  heard(outcome: CallOutcome): void;
}

/** Creates the pace; a given rate of `perMinute` requests is kept. `warn` is called at the first 429. */
export function createPace(perMinute: number | undefined, warn: (message: string) => void = () => {}): Pace {
  const bucket = createTokenBucket((perMinute ?? PAID_PER_MINUTE) / 60);
  let current = PAID_PER_MINUTE;
  /** The rate before the last growth. */
  let proved = FREE_PER_MINUTE;
  let calmMs = CALM_MS;
  let changedAt = -Infinity;

  function set(perMinute: number): void {
    current = perMinute;
    changedAt = performance.now();
    bucket.perSecond = perMinute / 60;
  }
  return {
    bucket,
    heard(outcome) {
      if (perMinute !== undefined) return;
      if (outcome === "throttled") {
        if (changedAt === -Infinity) {
          warn(
            `Massive answers 429: the plan allows fewer requests than ${PAID_PER_MINUTE} a minute, asking for ` +
              `${FREE_PER_MINUTE} and carefully more. Try: MASSIVE_REQUESTS_PER_MINUTE=${FREE_PER_MINUTE}, or what the plan allows`,
          );
        } else if (current > proved) calmMs = Math.min(calmMs * 2, MAX_CALM_MS);
        else proved = Math.max(proved - STEP_PER_MINUTE, FREE_PER_MINUTE);
        set(Math.min(current, proved));
      } else if (outcome === "ok" && current < PAID_PER_MINUTE && performance.now() - changedAt >= calmMs) {
        proved = current;
        set(Math.min(current + STEP_PER_MINUTE, PAID_PER_MINUTE));
      }
    },
  };
}
