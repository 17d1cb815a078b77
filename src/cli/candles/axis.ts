/**
 * The axis of prices, with as many round numbers as fit.
 *
 * @module
 */

/** Fewest rows from one label to the next. */
const LABEL_ROWS = 4;
/** Most digits after the point: prices of some coins have eight. */
const MOST_DIGITS = 10;

/** Labels by row from the bottom, and the number of digits of prices after the point. */
export interface Axis {
  readonly labels: ReadonlyMap<number, string>;
  readonly digits: number;
}

/** Creates the axis of that many rows from the lowest to the highest price. */
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

/** The next larger or equal number of the form 1, 2 or 5 with zeros. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5].map((factor) => factor * power).find((each) => each >= step * (1 - 1e-9)) ?? 10 * power;
}

const digitsOf = (step: number) => Math.min(MOST_DIGITS, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));

/** A price with that many digits after the point. */
export const formatPrice = (price: number, digits: number) => price.toFixed(digits);
