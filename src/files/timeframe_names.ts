/**
 * Names of timeframes in files.
 *
 * @module
 */
import { TIMEFRAMES } from "../records/timeframe.ts";

/** Units by their names; `m` is a minute. A lone `M` is left out, as it mostly means a month. */
const UNITS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(["s", "sec", "secs", "second", "seconds"].map((name) => [name, "s"])),
  ...Object.fromEntries(["m", "min", "mins", "minute", "minutes"].map((name) => [name, "m"])),
  ...Object.fromEntries(["h", "hr", "hour", "hours", "hourly"].map((name) => [name, "h"])),
  ...Object.fromEntries(["d", "day", "days", "daily"].map((name) => [name, "d"])),
  ...Object.fromEntries(["w", "wk", "week", "weeks", "weekly"].map((name) => [name, "w"])),
};
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const BY_MS = new Map([...TIMEFRAMES].map(([name, ms]) => [ms, name]));

/**
 * The timeframe that a text names: `1m`, `5min`, `1 Hour`, `D`, `H4`, `60` (minutes); `undefined` for other texts, and
 * for timeframes that Barline does not have.
 */
export function readTimeframe(text: string, names: Readonly<Record<string, string>> = {}): string | undefined {
  if (Object.hasOwn(names, text)) return names[text];
  if (/^\d+$/.test(text)) return BY_MS.get(Number(text) * 60_000);
  // A month is not a timeframe, and must not read as a minute.
  if (/^\d*[ _-]?M$/.test(text)) return undefined;
  const plain = text.trim().toLowerCase();
  const [, count = "1", unit] = /^(\d*)[ _-]?([a-z]+)$/.exec(plain) ?? [];
  const [, prefix, after = "1"] = /^([smhdw])(\d+)$/.exec(plain) ?? [];
  const name = UNITS[unit ?? prefix];
  if (name === undefined) return undefined;
  const amount = Number(unit === undefined ? after : count || "1");
  return BY_MS.get(amount * SECONDS[name] * 1000);
}
