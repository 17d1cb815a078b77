/**
 * Reads ISO 8601 and similar times from bytes: year first, time of day and zone optional.
 *
 * @module
 */
import { createFormatReader, type FormatReader, startOfDay, twoDigits, zoneMs } from "./time_format.ts";

const SPACE = 32;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const LETTER_T = 84;

/** Bytes of `2024-01-02T09:30`. */
const MINUTE_LENGTH = 16;
const MAX_FRACTION_DIGITS = 9;
const POWERS_OF_TEN = Array.from({ length: MAX_FRACTION_DIGITS + 1 }, (_, power) => 10 ** power);

/** Creates a reader of `2024-01-02T09:30`, `2024-01-02 09:30:00.5` and so on, with or without a zone at the end. */
export function createPlainIsoReader(): FormatReader {
  // Consecutive times mostly share their day, so it is computed once.
  let lastDay = -1;
  let lastDayMs = NaN;
  const reader: FormatReader = { read, offsetMs: NaN, hasClock: true };

  function dayMs(bytes: Uint8Array, from: number): number {
    const year = twoDigits(bytes, from) * 100 + twoDigits(bytes, from + 2);
    const month = twoDigits(bytes, from + 5);
    const date = twoDigits(bytes, from + 8);
    const day = (year * 100 + month) * 100 + date;
    if (day === lastDay) return lastDayMs;
    lastDay = day;
    return lastDayMs = startOfDay(year, month, date);
  }

  function read(bytes: Uint8Array, from: number, to: number): number {
    reader.offsetMs = NaN;
    if (to - from < MINUTE_LENGTH || bytes[from + 4] !== MINUS || bytes[from + 7] !== MINUS) return NaN;
    if (bytes[from + 10] !== LETTER_T && bytes[from + 10] !== SPACE || bytes[from + 13] !== COLON) return NaN;
    const hours = twoDigits(bytes, from + 11);
    const minutes = twoDigits(bytes, from + 14);
    let at = from + MINUTE_LENGTH;
    let seconds = 0;
    let fractionMs = 0;
    if (at < to && bytes[at] === COLON) {
      if (to - at < 3) return NaN;
      seconds = twoDigits(bytes, at + 1);
      at += 3;
      if (at < to && (bytes[at] === POINT || bytes[at] === COMMA)) {
        let fraction = 0;
        const first = ++at;
        for (; at < to && bytes[at] >= ZERO && bytes[at] <= NINE; at++) fraction = fraction * 10 + bytes[at] - ZERO;
        const digits = at - first;
        if (digits === 0 || digits > MAX_FRACTION_DIGITS) return NaN;
        fractionMs = Math.floor(fraction / POWERS_OF_TEN[digits] * 1e6 + 1e-4) / 1e3;
      }
    }
    if (!(hours < 24 && minutes < 60 && seconds < 60)) return NaN;
    if (at < to) {
      if (bytes[at] === SPACE) at++;
      reader.offsetMs = zoneMs(bytes, at, to);
      if (Number.isNaN(reader.offsetMs)) return NaN;
    }
    return dayMs(bytes, from) + ((hours * 60 + minutes) * 60 + seconds) * 1000 + fractionMs;
  }

  return reader;
}

/** Creates a reader of the same, and of `2024-01-02`, `2024/1/2 9:30`, `2024.01.02 093000` and so on. */
export function createIsoReader(): FormatReader {
  const dates = new Map<number, FormatReader>();
  const plain = createPlainIsoReader();
  const reader: FormatReader = { read, offsetMs: NaN, hasClock: false };

  function dateReader(mark: number): FormatReader {
    let found = dates.get(mark);
    if (found === undefined) {
      const letter = String.fromCharCode(mark);
      dates.set(mark, found = createFormatReader(`%Y${letter}%m${letter}%d`));
    }
    return found;
  }

  function read(bytes: Uint8Array, from: number, to: number): number {
    const ms = plain.read(bytes, from, to);
    reader.offsetMs = plain.offsetMs;
    reader.hasClock = true;
    return ms === ms ? ms : readOther(bytes, from, to);
  }

  function readOther(bytes: Uint8Array, from: number, to: number): number {
    reader.offsetMs = NaN;
    reader.hasClock = false;
    const mark = bytes[from + 4];
    if (to - from < 8 || mark !== MINUS && mark !== 47 && mark !== POINT) return NaN;
    let end = from + 8;
    while (end < to && bytes[end] !== SPACE && (bytes[end] | 32) !== 116) end++;
    const dayMs = dateReader(mark).read(bytes, from, end);
    if (end === to) return dayMs;
    reader.hasClock = true;
    let at = end + 1;
    while (at < to && bytes[at] === SPACE) at++;
    const clockEnd = endOfClock(bytes, at, to);
    const clockMs = readClock(bytes, at, clockEnd);
    at = clockEnd;
    while (at < to && bytes[at] === SPACE) at++;
    if (at < to) {
      reader.offsetMs = zoneMs(bytes, at, to);
      if (Number.isNaN(reader.offsetMs)) return NaN;
    }
    return dayMs + clockMs;
  }

  return reader;
}

/** Where a time of day ends: before a space, a letter or a sign. */
function endOfClock(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] >= 48 && bytes[at] <= COLON || bytes[at] === 46 || bytes[at] === 44)) at++;
  return at;
}

/** Milliseconds since midnight of `09:30`, `9:30:00.5`, `0930` or `093000`; `NaN` for anything else. */
export function readClock(bytes: Uint8Array, from: number, to: number): number {
  const parts = [0, 0, 0];
  let part = 0;
  let at = from;
  const isPlain = to - from === 4 || to - from === 6;
  if (isPlain && bytes[from + 1] !== COLON && bytes[from + 2] !== COLON) {
    for (; at < to; at++) {
      const digit = bytes[at] - 48;
      if (digit < 0 || digit > 9) return NaN;
      parts[at - from >> 1] = parts[at - from >> 1] * 10 + digit;
    }
  } else {
    let first = at;
    for (; at < to && part < 3; at++) {
      const byte = bytes[at];
      if (byte >= 48 && byte <= 57) parts[part] = parts[part] * 10 + byte - 48;
      else if (byte !== COLON || part === 2) break;
      else {
        if (at - first < 1 || at - first > 2) return NaN;
        part++;
        first = at + 1;
      }
    }
    if (part === 0 || at - first !== 2) return NaN;
  }
  let fractionMs = 0;
  if (at < to) {
    if (part !== 2 || bytes[at] !== 46 && bytes[at] !== 44 || to - at > 10 || to - at < 2) return NaN;
    let fraction = 0;
    const first = ++at;
    for (; at < to; at++) {
      const digit = bytes[at] - 48;
      if (digit < 0 || digit > 9) return NaN;
      fraction = fraction * 10 + digit;
    }
    fractionMs = Math.floor(fraction / 10 ** (to - first) * 1e6 + 1e-4) / 1e3;
  }
  const [hours, minutes, seconds] = parts;
  if (hours > 23 || minutes > 59 || seconds > 59) return NaN;
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + fractionMs;
}
