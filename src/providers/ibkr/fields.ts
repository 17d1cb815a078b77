/**
 * Fields of TWS's messages of bars. All are text, and the library reads numbers from their beginnings: 12 from "12x", and 0
 * from nothing.
 *
 * @module
 */
import { parseDecimal } from "../../records/number.ts";

/** Bars in a message: the place of the first one's first field, and which fields of each may be empty. */
interface Layout {
  readonly from: number;
  readonly optional: readonly number[];
}

/** Fields of one bar. */
const WIDTH = 8;
const LAYOUTS: ReadonlyMap<string, Layout> = new Map([
  // History: date, open, high, low, close, volume, WAP, count.
  ["17", { from: 5, optional: [5, 6, 7] }],
  // Its updates: count, date, open, close, high, low, WAP, volume.
  ["90", { from: 2, optional: [0, 6, 7] }],
]);

/** Whether all numbers of bars in the message are numbers; messages of other kinds hold none. */
export function holdsNumbers(fields: readonly string[]): boolean {
  const layout = LAYOUTS.get(fields[0]);
  if (layout === undefined) return true;
  for (let at = layout.from; at < fields.length; at++) {
    const isOptional = layout.optional.includes((at - layout.from) % WIDTH);
    if (isOptional && fields[at] === "") continue;
    // Volumes may be written in groups of digits.
    if (!Number.isFinite(parseDecimal(isOptional ? fields[at].replaceAll(",", "") : fields[at]))) return false;
  }
  return true;
}
