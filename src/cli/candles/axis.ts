/**
 * The axis of prices: round numbers, as many as there is room for.
 *
 * @module
 */

/** Rows from one label to the next, at least. */
const LABEL_ROWS = 4;
/** Most digits after the point: prices of some coins have eight. */
const MOST_DIGITS = 10;

/** Labels by row from the bottom, and how many digits prices have after the point. */
export interface Axis {
  readonly labels: ReadonlyMap<number, string>;
  readonly digits: number;
}

/** Makes the axis of so many rows from the lowest to the highest price. */
export function axisOf({ low, high, rows }: { low: number; high: number; rows: number }): Axis {
  if (high === low) {
    const digits = digitsOf(Math.abs(low) / 1000 || 0.01);
    return { labels: new Map([[0, formatPrice(low, digits)]]), digits };
  }
  const step = roundStep((high - low) * LABEL_ROWS / rows);
  const digits = digitsOf(step);
  const labels = new Map<number, string>();
  for (let at = Math.ceil(low / step); at * step <= high; at++) {
    const half = Math.round((at * step - low) / (high - low) * (rows * 2 - 1));
    labels.set(Math.floor(half / 2), formatPrice(at * step, digits));
  }
  return { labels, digits: Math.min(MOST_DIGITS, digits + 1) };
}

/** The next of 1, 2 and 5 with zeros that is not smaller. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5].map((factor) => factor * power).find((each) => each >= step * (1 - 1e-9)) ?? 10 * power;
}

const digitsOf = (step: number) => Math.min(MOST_DIGITS, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));

/** A price with so many digits after the point. */
export const formatPrice = (price: number, digits: number) => price.toFixed(digits);
