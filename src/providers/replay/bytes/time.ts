/**
 * Times read from bytes, exactly as `records/time.ts` reads their text.
 *
 * @module
 */
import { twoDigits } from "../../../files/iso.ts";
import { parseIso, type TimeUnit } from "../../../records/time.ts";
import { readDecimal } from "./decimal.ts";

/**
 * Reads the time between two places into epoch milliseconds. `NaN` stands for "not read here": the text is no time, or an
 * unusual one, and is left to `timeParser`.
 */
export type TimeReader = (bytes: Uint8Array, from: number, to: number) => number;

/** Makes a reader of times of this unit. */
export function createTimeReader(unit: TimeUnit): TimeReader {
  switch (unit) {
    case "iso":
      return createIsoReader();
    case "s":
      return (bytes, from, to) => Math.round(readDecimal(bytes, from, to) * 1e6) / 1e3;
    case "ms":
      return (bytes, from, to) => Math.round(readDecimal(bytes, from, to) * 1e3) / 1e3;
    case "us":
      return (bytes, from, to) => Math.round(readDecimal(bytes, from, to) / 1e3 * 1e3) / 1e3;
    case "ns":
      return readNanoseconds;
  }
}

/** Fewest digits of nanoseconds that are cut to microseconds before a double would round them. */
const LONG_NANOSECONDS = 13;
/** Most digits whose microseconds are below 2^53 for certain. */
const MAX_NANOSECOND_DIGITS = 18;

function readNanoseconds(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from;
  if (to - first < LONG_NANOSECONDS) return Math.round(readDecimal(bytes, from, to) / 1e6 * 1e3) / 1e3;
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
const PLUS = 43;
const ZERO = 48;
const COLON = 58;
const SPACE = 32;
const MAX_FRACTION_DIGITS = 9;
const POWERS_OF_TEN = Array.from({ length: MAX_FRACTION_DIGITS + 1 }, (_, power) => 10 ** power);
/** Bytes of `2024-01-02T14:30`. */
const MINUTE_LENGTH = 16;

/** Makes a reader of ISO 8601 times with a zone. It remembers the last day: a file has a thousand bars of one. */
function createIsoReader(): TimeReader {
  let lastDay = -1;
  let lastDayMs = NaN;

  function startOfDay(bytes: Uint8Array, from: number): number {
    const year = twoDigits(bytes, from) * 100 + twoDigits(bytes, from + 2);
    const day = (year * 100 + twoDigits(bytes, from + 5)) * 100 + twoDigits(bytes, from + 8);
    if (day === lastDay) return lastDayMs;
    const text = String.fromCharCode(...bytes.subarray(from, from + 10));
    lastDay = day;
    return lastDayMs = parseIso(`${text}T00:00Z`);
  }

  return (bytes, from, to) => {
    if (to - from <= MINUTE_LENGTH || bytes[from + 4] !== MINUS || bytes[from + 7] !== MINUS) return NaN;
    if (bytes[from + 10] !== 84 && bytes[from + 10] !== SPACE || bytes[from + 13] !== COLON) return NaN;
    const hours = twoDigits(bytes, from + 11);
    const minutes = twoDigits(bytes, from + 14);
    let at = from + MINUTE_LENGTH;
    let seconds = 0;
    let fractionMs = 0;
    if (bytes[at] === COLON) {
      if (to - at < 4) return NaN;
      seconds = twoDigits(bytes, at + 1);
      at += 3;
      if (bytes[at] === 46 || bytes[at] === 44) {
        let fraction = 0;
        const first = ++at;
        for (; at < to && bytes[at] >= ZERO && bytes[at] <= 57; at++) fraction = fraction * 10 + bytes[at] - ZERO;
        const digits = at - first;
        if (digits === 0 || digits > MAX_FRACTION_DIGITS) return NaN;
        fractionMs = Math.floor(fraction / POWERS_OF_TEN[digits] * 1e6 + 1e-4) / 1e3;
      }
    }
    if (!(hours < 24 && minutes < 60 && seconds < 60)) return NaN;
    if (bytes[at] === SPACE) at++;
    const wallMs = startOfDay(bytes, from) + ((hours * 60 + minutes) * 60 + seconds) * 1000 + fractionMs;
    if (at === to - 1 && (bytes[at] | 32) === 122) return wallMs;
    return wallMs - readOffset(bytes, at, to);
  };
}

/** Reads `+05`, `+0530` or `+05:30` up to `to` into milliseconds; `NaN` where there is anything else. */
function readOffset(bytes: Uint8Array, from: number, to: number): number {
  if (to - from < 3 || bytes[from] !== MINUS && bytes[from] !== PLUS) return NaN;
  const hours = twoDigits(bytes, from + 1);
  const at = bytes[from + 3] === COLON ? from + 4 : from + 3;
  const isWhole = to - from === 3;
  if (!isWhole && to - at !== 2) return NaN;
  const minutes = isWhole ? 0 : twoDigits(bytes, at);
  if (!(hours < 24 && minutes < 60)) return NaN;
  const offset = hours * 60 + minutes;
  return (bytes[from] === MINUS ? -offset : offset) * 60_000;
}
