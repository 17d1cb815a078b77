/**
 * Rows to measure with: real bars, replicated over symbols and weeks.
 *
 * @module
 */
import { join } from "@std/path";
import type { Bar } from "../../src/records/bar.ts";
import { parseIso } from "../../src/records/time.ts";

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
const COPIES = 5;

/** Rows of a measurement, in memory and as files. */
export interface BenchData {
  readonly bars: readonly Bar[];
  /** As a provider would deliver them: named columns. */
  readonly csv: string;
  /** As `\copy` into the table takes them, with series ids. */
  readonly keyed: string;
  /** The same with other volumes. */
  readonly keyedChanged: string;
  /** The series in the order of their ids, from 1. */
  readonly symbols: readonly string[];
}

/** Makes at least `count` bars of the file and writes them to `directory`. */
export function makeData(source: string, count: number, directory: string): BenchData {
  const lines = Deno.readTextFileSync(source).trim().split("\n").slice(1).map((line) => line.split(","));
  const bars: Bar[] = [];
  for (let week = 0; bars.length < count; week++) {
    for (const [symbol, timeframe, ts, open, high, low, close, volume] of lines) {
      for (let copy = 0; copy < COPIES && bars.length < count; copy++) {
        bars.push({
          provider: "replay",
          symbol: `${symbol}.${copy}`,
          timeframe,
          ts: parseIso(ts) - week * WEEK_MS,
          open: +open,
          high: +high,
          low: +low,
          close: +close,
          volume: +volume,
          status: "final",
          receivedAt: 1_700_000_000_000_000 + bars.length,
        });
      }
    }
  }
  const symbols = [...new Set(bars.map(({ symbol }) => symbol))];
  const ids = new Map(symbols.map((symbol, at) => [symbol, at + 1]));
  const time = (ms: number) => new Date(ms).toISOString().replace(".000", "");
  const write = (name: string, header: string, line: (bar: Bar) => string) => {
    const path = join(directory, name);
    using file = Deno.openSync(path, { create: true, truncate: true, write: true });
    const encoder = new TextEncoder();
    file.writeSync(encoder.encode(header));
    for (let from = 0; from < bars.length; from += 10_000) {
      const bytes = encoder.encode(bars.slice(from, from + 10_000).map(line).join(""));
      for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    }
    return path;
  };
  const prices = ({ open, high, low, close }: Bar) => `${open},${high},${low},${close}`;
  const keyed = (bar: Bar, more: number) =>
    `${ids.get(bar.symbol)},${time(bar.ts)},${prices(bar)},${bar.volume + more},2024-01-01T00:00:00Z,f\n`;
  return {
    bars,
    symbols,
    csv: write(
      "bars.csv",
      "symbol,timeframe,ts,open,high,low,close,volume\n",
      (bar) => `${bar.symbol},${bar.timeframe},${time(bar.ts)},${prices(bar)},${bar.volume}\n`,
    ),
    keyed: write("keyed.csv", "", (bar) => keyed(bar, 0)),
    keyedChanged: write("keyed-changed.csv", "", (bar) => keyed(bar, 1)),
  };
}
