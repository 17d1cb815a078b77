/**
 * Finds malformed fields in TWS's messages of bars. Fields are text, and the library reads a number from their
 * beginning: 12 from "12x", and 0 from nothing.
 *
 * @module
 */
import { parseDecimal } from "../../records/number.ts";

/** Bars in a message: the position of the first one's first field, and the fields of each that may be empty. */
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
  // Bars of five seconds: date, open, high, low, close, volume, WAP, count.
  ["50", { from: 3, optional: [5, 6, 7] }],
]);

/**
 * Bars of a message, counted from 0, with a field that is not a number, and all their fields; messages of other kinds
 * have none.
 */
export function findBadBars(fields: readonly string[]): ReadonlyMap<number, string> {
  const bad = new Map<number, string>();
  const layout = LAYOUTS.get(fields[0]);
  if (layout === undefined) return bad;
  for (let at = layout.from; at < fields.length; at++) {
    const place = (at - layout.from) % WIDTH;
    const isOptional = layout.optional.includes(place);
    if (isOptional && fields[at] === "") continue;
    // Volumes may be written in groups of digits.
    if (Number.isFinite(parseDecimal(isOptional ? fields[at].replaceAll(",", "") : fields[at]))) continue;
    bad.set((at - layout.from - place) / WIDTH, fields.slice(at - place, at - place + WIDTH).join(" "));
  }
  return bad;
}
