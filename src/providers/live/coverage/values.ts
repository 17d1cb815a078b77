/**
 * Values to compare history with: those of corrections, and of bars that history has to confirm.
 *
 * Ten thousand symbols have a hundred thousand of them, so they are packed: {@linkcode SIZE} numbers a bar, in the
 * order of their last observation.
 *
 * @module
 */
import type { FeedBar } from "../feed.ts";

/** Bars of one symbol, packed; read and write it with the functions of this module. */
export type Values = number[];

const FIELDS = ["open", "high", "low", "close", "volume", "vwap", "trades"] as const;
/** Start of the bar, the time of its observation, its flags, and its fields. */
const SIZE = 3 + FIELDS.length;
const CORRECTION = 1, OUTRANKED = 2;

/** The known values of a bar. */
export interface KnownBar {
  /** When it was observed, in milliseconds of the monotonic clock. */
  readonly at: number;
  readonly isCorrection: boolean;
  /**
   * Whether the table may have another value: a row of history, or of a correction, ranks above a plain bar that comes
   * later.
   */
  readonly isOutranked: boolean;
  /** Whether the bar agrees with it; a field that one of them lacks proves nothing. */
  isSame(bar: FeedBar): boolean;
}

/** How long a correction is believed against history, in milliseconds: as long as history is often asked for it. */
export const CORRECTION_MS = 2 * 60 * 60_000;

/**
 * The values with those of a bar; those of old corrections are no longer believed.
 *
 * @param max Most bars to remember.
 * @param isOutranked Whether a row of the bar may be in the table that ranks above a plain one.
 */
export function noteValues(values: Values, bar: FeedBar, max: number, isOutranked = false): Values {
  const now = performance.now();
  const isAgain = forgetValues(values, (ts) => ts === bar.ts);
  const isCorrection = bar.status === "correction";
  const flags = isCorrection ? CORRECTION : isOutranked || isAgain ? OUTRANKED : 0;
  let first = 0;
  for (; first < values.length; first += SIZE) {
    const isPast = (values[first + 2] & CORRECTION) !== 0 && now - values[first + 1] >= CORRECTION_MS;
    if (!isPast && (values.length - first) / SIZE < max) break;
  }
  // An array that grows by push reserves half as much again.
  return values.slice(first).concat([bar.ts, now, flags], FIELDS.map((name) => bar[name] ?? NaN));
}

/** The known values of the bar that starts at `ts`. */
export function knownBar(values: Values, ts: number): KnownBar | undefined {
  for (let at = values.length - SIZE; at >= 0; at -= SIZE) {
    if (values[at] !== ts) continue;
    const flags = values[at + 2];
    return {
      at: values[at + 1],
      isCorrection: (flags & CORRECTION) !== 0,
      isOutranked: (flags & OUTRANKED) !== 0,
      isSame: (bar) =>
        FIELDS.every((name, field) => {
          const [one, other] = [values[at + 3 + field], bar[name]];
          return one === other || other === undefined || Number.isNaN(one);
        }),
    };
  }
}

/** Starts of the bars, oldest observation first; with `since`, of plain ones that came from then on (monotonic milliseconds). */
export function* startsOf(values: Values, since?: number): Generator<number> {
  for (let at = 0; at < values.length; at += SIZE) {
    const isPlain = (values[at + 2] & CORRECTION) === 0;
    if (since === undefined || (isPlain && values[at + 1] >= since)) yield values[at];
  }
}

/** Removes some bars. Returns whether any of them was known. */
export function forgetValues(values: Values, isGone: (ts: number) => boolean): boolean {
  let hasGone = false;
  for (let at = values.length - SIZE; at >= 0; at -= SIZE) {
    if (!isGone(values[at])) continue;
    values.splice(at, SIZE);
    hasGone = true;
  }
  return hasGone;
}
