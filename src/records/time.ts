/**
 * Times in files. The unit of a number is never guessed: without a given unit the time is refused.
 *
 * @module
 */
import { parseDecimal } from "./number.ts";

/** The notation of times in a file: ISO 8601 with a zone, or a count of units since 1970-01-01 UTC. */
export const TIME_UNITS = ["iso", "s", "ms", "us", "ns"] as const;
export type TimeUnit = typeof TIME_UNITS[number];

/** The unit for single records: with the other units of files, times are ISO 8601 once they are read. */
export const recordUnit = (unit: string): TimeUnit => TIME_UNITS.find((each) => each === unit) ?? "iso";

const UNITS_PER_MS: Record<Exclude<TimeUnit, "iso">, number> = { s: 1e-3, ms: 1, us: 1e3, ns: 1e6 };
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)$/;

/** The format that {@linkcode timeParser} of this unit accepts, for messages. */
export function describeTimeUnit(unit: TimeUnit): string {
  return unit === "iso"
    ? "an ISO 8601 time with a zone, like 2024-01-02T14:30:00Z (for numbers say their unit with --time-unit)"
    : `a number of ${unit} since 1970 (--time-unit ${unit})`;
}

/** Returns the function that converts a time of this unit to epoch milliseconds, `NaN` if it is invalid. */
export function timeParser(unit: TimeUnit): (value: unknown) => number {
  if (unit === "iso") return isoParser();
  return (value) => {
    if (unit === "ns" && typeof value === "string" && /^-?\d{13,}$/.test(value)) {
      return Number(BigInt(value) / 1000n) / 1000;
    }
    return countToMs(parseDecimal(value), unit);
  };
}

/** Epoch milliseconds of a count of units, rounded to the microsecond, the precision of the database. */
export function countToMs(count: number, unit: Exclude<TimeUnit, "iso">): number {
  return unit === "s" ? Math.round(count * 1e6) / 1e3 : Math.round(count / UNITS_PER_MS[unit] * 1e3) / 1e3;
}

/**
 * A parser that remembers the last time and the last day: a file of minute bars repeats a time for each symbol, and a
 * date a thousand times.
 */
function isoParser(): (value: unknown) => number {
  let last = "";
  let lastMs = NaN;
  let day = "";
  let dayMs = NaN;
  return (value) => {
    if (typeof value !== "string") return NaN;
    const plain = value.length === 20 && value.charCodeAt(19) === 90 && value.charCodeAt(10) === 84 &&
      value.charCodeAt(13) === 58 && value.charCodeAt(16) === 58;
    if (!plain) return parseIso(value);
    if (value === last) return lastMs;
    const date = value.substring(0, 10);
    if (date !== day) {
      dayMs = parseIso(`${date}T00:00:00Z`);
      day = date;
    }
    const hours = twoDigits(value, 11);
    const minutes = twoDigits(value, 14);
    const seconds = twoDigits(value, 17);
    if (!(hours < 24 && minutes < 60 && seconds < 60)) return NaN;
    last = value;
    return lastMs = dayMs + ((hours * 60 + minutes) * 60 + seconds) * 1000;
  };
}

/** Two decimal digits at `at`, or `NaN`. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

/** Epoch milliseconds of ISO 8601 with a zone, or of a day, which begins at its midnight in UTC; `NaN` for other texts. */
export const parseTimeOrDay = (text: string): number =>
  parseIso(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);

/** Reads any ISO 8601 date-time with a zone. Refuses days that do not exist, such as 30 February. */
export function parseIso(text: string): number {
  const match = ISO.exec(text.trim());
  if (match === null) return NaN;
  const [year, month, day, hours, minutes] = match.slice(1, 6).map(Number);
  const seconds = Number(match[6] ?? 0);
  if (hours > 23 || minutes > 59 || seconds > 59) return NaN;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month - 1, day);
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return NaN;
  const fractionMs = match[7] === undefined ? 0 : Math.floor(Number(`0.${match[7]}`) * 1e6 + 1e-4) / 1e3;
  const wallMs = midnight.getTime() + ((hours * 60 + minutes) * 60 + seconds) * 1000 + fractionMs;
  return wallMs - zoneOffsetMs(match[8]);
}

function zoneOffsetMs(zone: string): number {
  if (zone === "Z" || zone === "z") return 0;
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (zone[0] === "-" ? -minutes : minutes) * 60_000;
}

const EARLIEST_MS = Date.UTC(1900, 0, 1);
/** How far ahead of this clock a time may be: enough for wrong time zones of daily bars. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1000;

/** Why a record's time, in epoch milliseconds, is implausible, in words; `undefined` if it is plausible. */
export function checkTime(ts: number, now: number): string | undefined {
  if (ts >= EARLIEST_MS && ts <= now + MAX_AHEAD_MS) return undefined;
  return `ts is outside 1900 to one day ahead of now: ${formatTime(ts)}`;
}

/** Largest distance of a `Date` from 1970, in milliseconds. */
const FURTHEST_MS = 8.64e15;

/**
 * Writes epoch milliseconds as ISO 8601, with microseconds if the time has any. An invalid number is written unchanged,
 * as messages must show it if a file's times are read in the wrong unit.
 */
export function formatTime(ms: number): string {
  if (!(Math.abs(ms) <= FURTHEST_MS)) return String(ms);
  const rounded = Math.round(ms * 1000);
  const whole = Math.floor(rounded / 1000);
  const micros = rounded - whole * 1000;
  const iso = new Date(whole).toISOString();
  return micros === 0 ? iso : iso.replace("Z", `${String(micros).padStart(3, "0")}Z`);
}
