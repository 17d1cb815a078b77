/**
 * Settings of TimescaleDB in the configuration file, below `timescale:`.
 *
 * @module
 */
import { z } from "zod";

/** A time as the file writes it: a whole number and its unit, as in `7d`. */
export type Interval = string;

const UNITS: Readonly<Record<string, { name: string; seconds: number }>> = {
  m: { name: "minutes", seconds: 60 },
  h: { name: "hours", seconds: 3600 },
  d: { name: "days", seconds: 86_400 },
  w: { name: "weeks", seconds: 604_800 },
};

const INTERVAL = /^[1-9]\d{0,5}[mhdw]$/;
const INTERVAL_OR_OFF = /^(off|[1-9]\d{0,5}[mhdw])$/;

/** The seconds of an interval. */
export function secondsOf(interval: Interval): number {
  return Number(interval.slice(0, -1)) * UNITS[interval.at(-1)!].seconds;
}

/** The interval as PostgreSQL reads it: `7 days`. */
export function sqlInterval(interval: Interval): string {
  return `${interval.slice(0, -1)} ${UNITS[interval.at(-1)!].name}`;
}

/** Names of the roll-ups of 1-minute bars. */
export const ROLLUP_NAMES = ["5m", "15m", "1h", "1d"] as const;

/** A setting that may be absent. */
export function setting<T extends z.ZodType>(type: T, expected: string, help: string) {
  return type.meta({ description: help, barline: { expected, help } }).optional();
}

const isBetween = (least: Interval, most: Interval) => (interval: Interval) =>
  secondsOf(interval) >= secondsOf(least) && secondsOf(interval) <= secondsOf(most);
/** A time between two others. */
export const interval = (least: Interval, most: Interval, help: string) =>
  setting(
    z.string().regex(INTERVAL, { abort: true }).refine(isBetween(least, most)),
    `a time from ${least} to ${most}, as in 12h, 7d or 2w`,
    help,
  );
/** The same, or `off`. */
export const intervalOrOff = (least: Interval, most: Interval, help: string) =>
  setting(
    z.string().regex(INTERVAL_OR_OFF, { abort: true })
      .refine((value) => value === "off" || isBetween(least, most)(value)),
    `off, or a time from ${least} to ${most}, as in 30d or 52w`,
    help,
  );
const onOrOff = (help: string) => setting(z.boolean(), "true or false", help);

/**
 * The mapping. A setting that is not given stays as the database has it, or has its default in a new one: a command
 * that runs without the file must not undo the settings of the file.
 */
export const timescaleSchema = z.strictObject({
  enabled: onOrOff("whether TimescaleDB is used where it is there [true]"),
  chunkInterval: interval("1h", "52w", "time that one chunk of the table bar holds [7d]"),
  compressAfter: intervalOrOff("1h", "520w", "age at which chunks are compressed [30d]"),
  retention: intervalOrOff("7d", "5200w", "age at which bars are dropped; roll-ups stay [off]"),
  rollups: setting(
    z.array(z.enum(ROLLUP_NAMES)),
    `a list of ${ROLLUP_NAMES.join(", ")}`,
    "roll-ups that are kept as continuous aggregates; the others are plain views [all]",
  ),
  refreshEvery: interval("1m", "4w", "time between two refreshes of the roll-ups [5m]"),
  realTime: onOrOff("whether roll-ups include bars since their last refresh [true]"),
});

/** Settings of TimescaleDB; `undefined` leaves the setting of the database. */
export type TimescaleSettings = z.infer<typeof timescaleSchema>;
