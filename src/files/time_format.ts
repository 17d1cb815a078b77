/**
 * Reads times of a format like `%d.%m.%Y %H:%M` from bytes.
 *
 * | directive | means |
 * |---|---|
 * | `%Y` `%y` | year of four or two digits (two: 1970 to 2069) |
 * | `%m` `%b` | month as a number, or its English name |
 * | `%d` | day |
 * | `%H` `%I` `%p` | hour of 24, or of 12 with AM or PM |
 * | `%M` `%S` `%f` | minute, second, fraction of 1 to 9 digits |
 * | `%z` | `Z`, `+0200`, `+02:00` |
 * | `[…]` | may be absent at the end |
 *
 * `%m`, `%d` and `%H` also match one digit if a mark follows.
 *
 * @module
 */

/** Reads a format. Further results of {@linkcode FormatReader.read} are in the other properties until the next call. */
export interface FormatReader {
  /** Milliseconds since 1970 by the clock that the text shows; `NaN` for any other text. */
  read(bytes: Uint8Array, from: number, to: number): number;
  /** Offset of the zone in the text, in milliseconds; `NaN` without one. */
  offsetMs: number;
  /** Whether the text has a time of day. */
  hasClock: boolean;
}

/** A step: a directive by its letter's code, a literal byte as its negative, or {@linkcode MAY_END}. */
type Step = number;
const MAY_END = 0;
const code = (letter: string) => letter.charCodeAt(0);
const [YEAR, YEAR2, MONTH, NAME, DAY, HOUR, HOUR12, HALF, MINUTE, SECOND, FRACTION, ZONE] = [..."YymbdHIpMSfz"].map(
  code,
);
const CLOCK_STEPS = new Set([HOUR, HOUR12, MINUTE, SECOND, FRACTION]);
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const ALIASES: Readonly<Record<string, string>> = { "%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%B": "%b", "%e": "%d" };
const KNOWN = new Set([..."YymbdHIpMSfz"]);

/** Steps of a format. @throws {RangeError} If it has an unknown directive. */
function parseFormat(format: string): Step[] {
  const steps: Step[] = [];
  const expanded = format.replace(/%[TFBe]/g, (found) => ALIASES[found]).replace(/%-(?=[mdHI])/g, "%");
  for (let at = 0; at < expanded.length; at++) {
    const letter = expanded[at];
    if (letter === "[") steps.push(MAY_END);
    else if (letter === "]") continue;
    else if (letter === "%" && expanded[at + 1] !== "%") {
      const directive = expanded[++at] ?? "";
      if (!KNOWN.has(directive)) {
        throw new RangeError(`%${directive} is not known, expected a format like %d.%m.%Y %H:%M:%S`);
      }
      steps.push(code(directive));
    } else {
      if (letter === "%") at++;
      steps.push(-code(letter));
    }
  }
  return steps;
}

/** Creates a reader. @throws {RangeError} If the format has an unknown directive. */
export function createFormatReader(format: string): FormatReader {
  const steps = parseFormat(format);
  // Consecutive times mostly share their day, so it is computed once.
  let lastDay = NaN;
  let lastDayMs = NaN;

  function dayMs(year: number, month: number, day: number): number {
    const key = (year * 100 + month) * 100 + day;
    if (key !== lastDay) {
      lastDay = key;
      lastDayMs = startOfDay(year, month, day);
    }
    return lastDayMs;
  }

  const reader: FormatReader = { read, offsetMs: NaN, hasClock: false };

  function read(bytes: Uint8Array, from: number, to: number): number {
    let [year, month, day] = [1970, 1, 1];
    let [hour, minute, second, fractionMs, half] = [0, 0, 0, 0, -1];
    let at = from;
    reader.offsetMs = NaN;
    reader.hasClock = false;
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index];
      if (step === MAY_END) {
        if (at === to) break;
        continue;
      }
      if (step < 0) {
        if (at >= to || bytes[at++] !== -step) return NaN;
        continue;
      }
      if (CLOCK_STEPS.has(step)) reader.hasClock = true;
      if (step === NAME) {
        month = monthAt(bytes, at, to);
        at += 3;
        // Skip the rest of a full name.
        while (at < to && (bytes[at] | 32) >= 97 && (bytes[at] | 32) <= 122) at++;
        continue;
      }
      if (step === HALF) {
        const letter = bytes[at] | 32;
        if (to - at < 2 || (bytes[at + 1] | 32) !== 109 || letter !== 97 && letter !== 112) return NaN;
        half = letter === 112 ? 12 : 0;
        at += 2;
        continue;
      }
      if (step === ZONE) {
        const length = zoneLength(bytes, at, to);
        reader.offsetMs = zoneMs(bytes, at, at + length);
        if (Number.isNaN(reader.offsetMs)) return NaN;
        at += length;
        continue;
      }
      const most = step === YEAR ? 4 : step === FRACTION ? 9 : 2;
      const isFixed = step === YEAR || step === YEAR2 || steps[index + 1] > 0;
      const first = at;
      let value = 0;
      while (at < to && at - first < most && bytes[at] >= 48 && bytes[at] <= 57) value = value * 10 + bytes[at++] - 48;
      const count = at - first;
      if (count === 0 || isFixed && step !== FRACTION && count !== most) return NaN;
      if (step === YEAR) year = value;
      else if (step === YEAR2) year = value < 70 ? 2000 + value : 1900 + value;
      else if (step === MONTH) month = value;
      else if (step === DAY) day = value;
      else if (step === HOUR) hour = value;
      else if (step === HOUR12) hour = value >= 1 && value <= 12 ? value % 12 : 99;
      else if (step === MINUTE) minute = value;
      else if (step === SECOND) second = value;
      else fractionMs = Math.floor(value / 10 ** count * 1e6 + 1e-4) / 1e3;
    }
    if (at !== to || hour > 23 || minute > 59 || second > 59) return NaN;
    if (half >= 0) hour += half;
    return dayMs(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000 + fractionMs;
  }

  return reader;
}

/** Midnight of a day, in epoch milliseconds of UTC; `NaN` if the calendar does not have the day. */
export function startOfDay(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : NaN;
}

function monthAt(bytes: Uint8Array, at: number, to: number): number {
  if (to - at < 3) return NaN;
  return MONTHS.indexOf(String.fromCharCode(bytes[at] | 32, bytes[at + 1] | 32, bytes[at + 2] | 32)) + 1;
}

/** Length of a zone, which ends at a space or with the text. */
function zoneLength(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== 32) at++;
  return at - from;
}

/** Milliseconds of `Z`, `+02`, `+0200` or `+02:00`; `NaN` for anything else. */
export function zoneMs(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length === 1) return (bytes[from] | 32) === 122 ? 0 : NaN;
  if (length < 3 || bytes[from] !== MINUS && bytes[from] !== PLUS) return NaN;
  const at = bytes[from + 3] === COLON ? from + 4 : from + 3;
  if (length > 3 && to - at !== 2) return NaN;
  const hours = twoDigits(bytes, from + 1);
  const minutes = length === 3 ? 0 : twoDigits(bytes, at);
  if (!(hours < 24 && minutes < 60)) return NaN;
  const ms = (hours * 60 + minutes) * 60_000;
  return bytes[from] === MINUS ? -ms : ms;
}

const [PLUS, MINUS, COLON] = [43, 45, 58];

/** Two decimal digits at `at`, or `NaN`. */
export function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] - 48;
  const ones = bytes[at + 1] - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}
