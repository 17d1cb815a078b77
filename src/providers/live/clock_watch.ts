/**
 * Watches the local clock of a feed: warns if it differs from the vendor's or was set back, and corrects delays after
 * that.
 *
 * @module
 */
import type { Listener } from "../../events.ts";
import type { FeedClock } from "./clock.ts";
import type { FeedCoverage } from "./coverage.ts";
import { open } from "./coverage/track.ts";
import { bringForward } from "./coverage/urgency.ts";

/** Options of {@linkcode createClockWatch}. */
export interface ClockWatchOptions {
  readonly provider: string;
  readonly clock: Pick<FeedClock, "now" | "skewMs" | "steppedBack">;
  readonly coverage: Pick<FeedCoverage, "inDoubt" | "changed" | "inHistoryAt">;
  readonly emit: Listener;
  /** Warns people. */
  readonly warn: (message: string) => void;
}

/** Difference from the vendor's clock that causes a warning, in milliseconds. */
const MAX_SKEW_MS = 2000;
/**
 * Difference below which a clock is right again, in milliseconds: a clock near the limit causes one warning, not many.
 */
const GOOD_SKEW_MS = 1500;
/** Least change to emit, in milliseconds. */
const CHANGE_MS = 100;

/** Creates a watch; call the result every few seconds. */
export function createClockWatch({ provider, clock, coverage, emit, warn }: ClockWatchOptions): () => void {
  let emitted = -Infinity;
  let isWrong = false;

  function checkStep(): void {
    const backMs = clock.steppedBack();
    if (backMs === 0) return;
    warn(`the local clock was set back by ${seconds(backMs)}: doubts that would wait for it are asked about in time`);
    const now = clock.now();
    for (const track of [...coverage.inDoubt()]) {
      const late = track.coverage.doubts.map((each) =>
        [each, bringForward(each, now, coverage.inHistoryAt(each.to))] as const
      );
      for (const [before, after] of late) if (after !== before) open(track, after);
      if (late.some(([before, after]) => after !== before)) coverage.changed(track);
    }
  }

  function checkSkew(): void {
    const skewMs = clock.skewMs();
    if (skewMs === undefined) return;
    if (Math.abs(skewMs - emitted) >= CHANGE_MS) {
      emitted = skewMs;
      emit({ type: "clock-skew", provider, skewMs });
    }
    const ms = Math.abs(skewMs);
    if (ms > MAX_SKEW_MS && !isWrong) {
      const side = skewMs > 0 ? "behind" : "ahead of";
      warn(`the local clock is ${seconds(ms)} ${side} that of ${provider}: synchronise it, by NTP for instance`);
    }
    isWrong = ms > (isWrong ? GOOD_SKEW_MS : MAX_SKEW_MS);
  }

  return () => {
    checkStep();
    checkSkew();
  };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
