/**
 * Times of a file: a dialect is compiled once, then times are read from bytes as epoch milliseconds of the bar's start.
 *
 * @module
 */
import { quote } from "../records/quote.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";
import type { FileTimeUnit, Stamp } from "./dialect.ts";
import { readEpoch, unitOf } from "./epoch.ts";
import { createIsoReader, readClock } from "./iso.ts";
import { createFormatReader, type FormatReader } from "./time_format.ts";
import type { Zone } from "./zone.ts";

/** Properties that times are compiled from. */
export interface TimesOptions {
  unit: FileTimeUnit;
  /** Replaces the unit. If date and time are split, its first space separates the two formats. */
  format?: string;
  /** Whether date and time of day have columns of their own. */
  isSplit?: boolean;
  /** Zone of times without one. */
  zone?: Zone;
  stamp: Stamp;
  sessionDates?: boolean;
  /** Midnight of the path's date in UTC, for times that count the milliseconds of a day. */
  dayMs?: number;
}

/** Reads times of bars of one timeframe. */
export interface Times {
  /**
   * Start of the bar in epoch milliseconds; `NaN` if the text is not a time, which {@linkcode Times.explain} describes.
   */
  read(bytes: Uint8Array, from: number, to: number): number;
  /** The same, of a date and a time of day at two places of the same bytes. */
  readSplit(bytes: Uint8Array, from: number, to: number, clockFrom: number, clockTo: number): number;
  /** Why the text is not a time, as a phrase after `ts`. */
  explain(text: string, clock?: string): string;
}

const DAY_MS = 86_400_000;
const NO_CLOCK: FormatReader = { read: readClock, offsetMs: NaN, hasClock: true };

/** Compiles the times of each timeframe. @throws {RangeError} If the format is not valid. */
export function compileTimes(options: TimesOptions): (timeframe: string) => Times {
  const { dates, clocks } = createReaders(options);
  const made = new Map<string, Times>();
  return (timeframe) => {
    let times = made.get(timeframe);
    if (times === undefined) made.set(timeframe, times = makeTimes(options, timeframe, dates, clocks));
    return times;
  };
}

function createReaders({ format, isSplit, unit }: TimesOptions): { dates: FormatReader; clocks: FormatReader } {
  if (format !== undefined) {
    const space = format.search(/\[?[ ,]/);
    if (!isSplit || space < 0) return { dates: createFormatReader(format), clocks: NO_CLOCK };
    return {
      dates: createFormatReader(format.slice(0, space)),
      clocks: createFormatReader(format.slice(space).replace(/^\[?[ ,]/, "")),
    };
  }
  return { dates: unit === "iso" || unit === "auto" ? createIsoReader() : NEVER, clocks: NO_CLOCK };
}

const NEVER: FormatReader = { read: () => NaN, offsetMs: NaN, hasClock: false };

function makeTimes(
  { unit, format, zone, stamp, sessionDates, dayMs = NaN }: TimesOptions,
  timeframe: string,
  dates: FormatReader,
  clocks: FormatReader,
): Times {
  const lengthMs = TIMEFRAMES.get(timeframe) ?? 0;
  const isDaily = lengthMs >= DAY_MS;
  const shiftMs = stamp === "end" && !isDaily ? lengthMs : 0;
  const epochUnit = format === undefined && unit !== "iso" && unit !== "ms-of-day" ? unit : undefined;

  /** The bar's start, from a time by the clock of its zone. */
  function place(wallMs: number, offsetMs: number, hasClock: boolean): number {
    const hasOffset = offsetMs === offsetMs;
    // A bar of a day has the date of its session, without a zone.
    if (isDaily && (!hasOffset || sessionDates)) return Math.floor(wallMs / DAY_MS) * DAY_MS;
    if (!hasClock && !isDaily) return NaN;
    if (hasOffset) return wallMs - offsetMs - shiftMs;
    return zone === undefined ? NaN : zone.toUtc(wallMs) - shiftMs;
  }

  function read(bytes: Uint8Array, from: number, to: number): number {
    if (epochUnit !== undefined) {
      const ms = readEpoch(bytes, from, to, epochUnit);
      if (ms === ms || epochUnit !== "auto") return ms - shiftMs;
    }
    if (unit === "ms-of-day" && format === undefined) {
      const ms = readEpoch(bytes, from, to, "ms");
      return ms < DAY_MS ? place(dayMs + ms, NaN, true) : NaN;
    }
    const wallMs = dates.read(bytes, from, to);
    return place(wallMs, dates.offsetMs, dates.hasClock);
  }

  return {
    read,
    readSplit(bytes, from, to, clockFrom, clockTo) {
      const wallMs = dates.read(bytes, from, to);
      if (clockFrom === clockTo) return place(wallMs, NaN, false);
      const ms = clocks.read(bytes, clockFrom, clockTo);
      return place(wallMs + ms, clocks.offsetMs, true);
    },
    explain(text, clock) {
      const shown = quote(clock === undefined ? text : `${text} ${clock}`);
      const bytes = encoder.encode(text);
      const dayMs = dates.read(bytes, 0, bytes.length);
      const isDated = !Number.isNaN(dayMs);
      const clockBytes = encoder.encode(clock ?? "");
      const wallMs = clock ? dayMs + clocks.read(clockBytes, 0, clockBytes.length) : dayMs;
      if (isDated && !Number.isNaN(wallMs)) {
        if (!isDaily && !dates.hasClock && !clock) return `has no time of day, as bars of ${timeframe} need: ${shown}`;
        const reason = Number.isNaN(dates.offsetMs) ? zone?.explain(wallMs) : undefined;
        if (reason !== undefined) return `${reason}: ${shown}`;
        if (zone === undefined) return `has no zone, as --time-zone America/New_York would say it: ${shown}`;
      }
      const looksLike = /^\d+(\.\d*)?$/.test(text) ? unitOf(Number(text)) : undefined;
      const hint = looksLike !== undefined && looksLike !== unit ? `, it looks like --time-unit ${looksLike}` : "";
      return `is not ${describeTimes({ unit, format })}${hint}: ${shown}`;
    },
  };
}

const encoder = new TextEncoder();

/** Describes the expected times, to end the sentence "expected …". */
export function describeTimes({ unit, format }: Pick<TimesOptions, "unit" | "format">): string {
  if (format !== undefined) return `a time like ${format}`;
  switch (unit) {
    case "iso":
      return "an ISO 8601 time, like 2024-01-02T14:30:00Z (for numbers give their unit with --time-unit)";
    case "auto":
      return "a number of s, ms, us or ns since 1970, between 1990 and 2100, or an ISO 8601 time";
    case "ms-of-day":
      return "a number of ms since midnight";
    default:
      return `a number of ${unit} since 1970 (--time-unit ${unit})`;
  }
}
