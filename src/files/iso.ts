/**
 * ISO 8601 and its kin, read from bytes: year first, a zone or none, a time of day or none.
 *
 * @module
 */
import { createFormatReader, type FormatReader, zoneMs } from "./time_format.ts";

const SPACE = 32;
const COLON = 58;

/** Makes a reader of `2024-01-02`, `2024-01-02 09:30`, `2024-01-02T09:30:00.5-05:00`, also with `/` or `.` in the date. */
export function createIsoReader(): FormatReader {
  const dates = new Map<number, FormatReader>();
  const reader: FormatReader = { read, offsetMs: NaN, hasClock: false };
  // Times in a file share their day: it is worked out once.
  let lastDay = -1;
  let lastDayMs = NaN;

  /** Reads `2024-01-02 09:30` and `2024-01-02 09:30:00`, as most files have it; `NaN` of anything else. */
  function readPlain(bytes: Uint8Array, from: number, to: number): number {
    const hasSeconds = to - from === 19;
    if (bytes[from + 10] !== SPACE && bytes[from + 10] !== 84 || bytes[from + 13] !== COLON) return NaN;
    if (bytes[from + 4] !== 45 || bytes[from + 7] !== 45 || hasSeconds && bytes[from + 16] !== COLON) return NaN;
    const year = twoDigits(bytes, from) * 100 + twoDigits(bytes, from + 2);
    const day = (year * 100 + twoDigits(bytes, from + 5)) * 100 + twoDigits(bytes, from + 8);
    const hours = twoDigits(bytes, from + 11);
    const minutes = twoDigits(bytes, from + 14);
    const seconds = hasSeconds ? twoDigits(bytes, from + 17) : 0;
    if (!(hours < 24 && minutes < 60 && seconds < 60)) return NaN;
    if (day !== lastDay) {
      lastDayMs = dateReader(45).read(bytes, from, from + 10);
      lastDay = day;
    }
    reader.hasClock = true;
    return lastDayMs + ((hours * 60 + minutes) * 60 + seconds) * 1000;
  }

  function dateReader(mark: number): FormatReader {
    let found = dates.get(mark);
    if (found === undefined) {
      const letter = String.fromCharCode(mark);
      dates.set(mark, found = createFormatReader(`%Y${letter}%m${letter}%d`));
    }
    return found;
  }

  function read(bytes: Uint8Array, from: number, to: number): number {
    reader.offsetMs = NaN;
    reader.hasClock = false;
    if (to - from === 19 || to - from === 16) {
      const ms = readPlain(bytes, from, to);
      if (ms === ms) return ms;
    }
    const mark = bytes[from + 4];
    if (to - from < 8 || mark !== 45 && mark !== 47 && mark !== 46) return NaN;
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

/** Two decimal digits at `at`, or `NaN`. */
export function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] - 48;
  const ones = bytes[at + 1] - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

/** Where a time of day ends: before a space, a letter or a sign. */
function endOfClock(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] >= 48 && bytes[at] <= COLON || bytes[at] === 46 || bytes[at] === 44)) at++;
  return at;
}

/** Milliseconds of the day of `09:30`, `9:30:00.5`, `0930` or `093000`; `NaN` of anything else. */
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
