/**
 * Times that count from 1970, and their unit by their size.
 *
 * @module
 */
import type { FileTimeUnit } from "./dialect.ts";

/** Units that count from 1970. */
export type EpochUnit = Exclude<FileTimeUnit, "iso" | "auto" | "ms-of-day">;

const UNITS: readonly EpochUnit[] = ["s", "ms", "us", "ns"];
/** Seconds of 1990 and of 2100: between them the sizes of the units are disjoint, also from dates like 20240102. */
const EARLIEST_S = 6.3e8;
const LATEST_S = 4.1e9;

/** The unit in which a count lies between 1990 and 2100; `undefined` where there is none. */
export function unitOf(count: number): EpochUnit | undefined {
  for (let at = 0, factor = 1; at < UNITS.length; at++, factor *= 1000) {
    if (count >= EARLIEST_S * factor && count <= LATEST_S * factor) return UNITS[at];
  }
}

/** Most digits that a double holds exactly. */
const EXACT_DIGITS = 15;
const MAX_DIGITS = 18;

/** Reads a count of `unit`, or of the one that its size tells, into epoch milliseconds; `NaN` where it is none. */
export function readEpoch(bytes: Uint8Array, from: number, to: number, unit: EpochUnit | "auto"): number {
  const digits = to - from;
  if (digits === 0) return NaN;
  let count = 0;
  let thousands = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at] - 48;
    if (digit < 0 || digit > 9 || digits > MAX_DIGITS + 1) return readUnusual(bytes, from, to, unit);
    count = count * 10 + digit;
    if (at < to - 3) thousands = thousands * 10 + digit;
  }
  const of = unit === "auto" ? unitOf(count) : unit;
  switch (of) {
    case "s":
      return count * 1000;
    case "ms":
      return count;
    case "us":
      return count / 1000;
    case "ns":
      // The last three digits are below what is stored, and above what a double holds.
      return (digits > EXACT_DIGITS ? thousands : Math.floor(count / 1000)) / 1000;
    case undefined:
      return NaN;
  }
}

/** Counts with a fraction, a sign or an exponent. */
function readUnusual(bytes: Uint8Array, from: number, to: number, unit: EpochUnit | "auto"): number {
  const text = String.fromCharCode(...bytes.subarray(from, Math.min(to, from + 40)));
  if (!/^-?\d+(\.\d*)?(e\+?\d+)?$/i.test(text)) return NaN;
  const count = Number(text);
  const of = unit === "auto" ? unitOf(count) : unit;
  if (of === undefined) return NaN;
  const factor = 1000 ** (1 - UNITS.indexOf(of));
  return Math.round(count * factor * 1000) / 1000;
}
