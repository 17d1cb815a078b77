/**
 * Loads of files in words.
 *
 * @module
 */
import { format as formatBytes } from "@std/fmt/bytes";
import type { Load, LoadDetails } from "../database/load_read.ts";

/** Most series listed for people; `--json` lists all. */
const SHOWN_SERIES = 20;

/** A count for people. */
export const count = (value: number) => value.toLocaleString("en-US");
/** A time for people, to the second. */
export const time = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

const stored = ({ ledger }: Load) => ledger === null ? "?" : count(ledger.stored);

/** One line a load. */
export function describeLoads(loads: readonly Load[]): string[] {
  const rows = loads.map((load) => {
    const [first, ...others] = load.files;
    const files = `${first?.path ?? ""}${others.length === 0 ? "" : ` and ${count(others.length)} more`}`;
    return [String(load.id), time(load.beganAt), load.state, `${stored(load)} stored`, files];
  });
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => row[at].length)));
  return rows.map((row) =>
    row.map((cell, at) => at === 0 || at === 3 ? cell.padStart(widths[at]) : cell.padEnd(widths[at] ?? 0)).join("  ")
  );
}

/** Describes a load in full. */
export function describeLoad(load: LoadDetails): string[] {
  const { id, command, files, series, state, beganAt, endedAt, undoneAt, ledger, replaced } = load;
  const to = endedAt === null ? "" : ` to ${time(endedAt)}`;
  const counts = Object.entries(ledger ?? {}).filter(([, value]) => value > 0);
  return [
    `load ${id}: ${state}${undoneAt === null ? "" : ` at ${time(undoneAt)}`}, from ${time(beganAt)}${to}`,
    `command: ${command}`,
    ...files.map(({ path, size, sha256 }) =>
      `file: ${path}${size === undefined ? "" : `, ${formatBytes(size)}, SHA-256 ${sha256}`}`
    ),
    ...series.slice(0, SHOWN_SERIES).map(({ kind, symbol, timeframe, first, last }) =>
      `series: ${kind} ${symbol} ${timeframe}, ${time(first)} to ${time(last)}`
    ),
    ...series.length > SHOWN_SERIES ? [`… and ${count(series.length - SHOWN_SERIES)} more series`] : [],
    ledger === null
      ? "ledger: none, as it has not come to its end"
      : `ledger: ${counts.map(([name, value]) => `${name} ${count(value)}`).join(", ")}`,
    `rows replaced and kept: ${count(replaced)}`,
  ];
}
