/**
 * Reads times that count from 1970, and finds their unit by their size.
 *
 * @module
 */
import { parseDecimal } from "../records/number.ts";
import { countToMs } from "../records/time.ts";
import { readDecimal } from "./decimal.ts";
import type { FileTimeUnit } from "./dialect.ts";

/** Units that count from 1970. */
export type EpochUnit = Exclude<FileTimeUnit, "iso" | "auto" | "ms-of-day">;

const UNITS: readonly EpochUnit[] = ["s", "ms", "us", "ns"];
/** Seconds of 1990 and of 2100. Between them the ranges of the units are disjoint, also from dates like 20240102. */
const EARLIEST_S = 6.3e8;
const LATEST_S = 4.1e9;

/** The unit in which a count lies between 1990 and 2100; `undefined` if no unit fits. */
export function unitOf(count: number): EpochUnit | undefined {
  for (let at = 0, factor = 1; at < UNITS.length; at++, factor *= 1000) {
    if (count >= EARLIEST_S * factor && count <= LATEST_S * factor) return UNITS[at];
  }
}

/** Fewest digits of nanoseconds that are cut to microseconds before a double would round them. */
const LONG_NANOSECONDS = 13;
/** Most digits whose microseconds are below 2^53 for certain. */
const MAX_NANOSECOND_DIGITS = 18;
/** Digits of nanoseconds in this century. */
const LEAST_NANOSECOND_DIGITS = 18;

/**
 * Reads a count in `unit`, or for `auto` in the unit that fits its size, as epoch milliseconds; `NaN` for any other
 * text.
 */
export function readEpoch(bytes: Uint8Array, from: number, to: number, unit: EpochUnit | "auto"): number {
  const digits = bytes[from] === MINUS ? to - from - 1 : to - from;
  const least = unit === "ns" ? LONG_NANOSECONDS : unit === "auto" ? LEAST_NANOSECOND_DIGITS : Infinity;
  if (digits >= least) {
    const ms = cutNanoseconds(bytes, from, to);
    if (unit === "ns" && (ms === ms || digits > MAX_NANOSECOND_DIGITS) || unitOf(ms * 1e6) === "ns") return ms;
  }
  let count = readDecimal(bytes, from, to);
  if (Number.isNaN(count)) count = readUnusual(bytes, from, to);
  const of = unit === "auto" ? unitOf(count) : unit;
  return of === undefined ? NaN : countToMs(count, of);
}

/**
 * Milliseconds of a whole number of nanoseconds, without its last three digits: those are finer than the stored times.
 */
function cutNanoseconds(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from;
  if (to - first > MAX_NANOSECOND_DIGITS + 1) return NaN;
  let micros = 0;
  for (let at = first; at < to; at++) {
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    if (at < to - 3) micros = micros * 10 + digit;
  }
  if (micros >= 2 ** 53) return NaN;
  return (first > from && micros > 0 ? -micros : micros) / 1000;
}

const MINUS = 45;
const ZERO = 48;

/** Reads counts with more digits than a double holds. */
function readUnusual(bytes: Uint8Array, from: number, to: number): number {
  return parseDecimal(String.fromCharCode(...bytes.subarray(from, Math.min(to, from + 40))));
}
