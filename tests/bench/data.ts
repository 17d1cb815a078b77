/**
 * Rows to measure with: real bars, replicated over symbols and weeks.
 *
 * @module
 */
import { join } from "@std/path";
import type { Bar } from "../../src/records/bar.ts";
import { parseIso } from "../../src/records/time.ts";

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
/** Symbols made of each real one. */
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

/** Gives `count` bars made of those of the file, week by week into the past. */
export function* replicate(source: string, count: number): Generator<Bar> {
  const lines = Deno.readTextFileSync(source).trim().split("\n").slice(1).map((line) => line.split(","));
  let made = 0;
  for (let week = 0;; week++) {
    for (const [symbol, timeframe, ts, open, high, low, close, volume] of lines) {
      for (let copy = 0; copy < COPIES; copy++) {
        if (made === count) return;
        yield {
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
          receivedAt: 1_700_000_000_000_000 + made++,
        };
      }
    }
  }
}

/** Writes `count` bars as CSV, in little memory. */
export function writeCsv(source: string, count: number, path: string): void {
  const header = "symbol,timeframe,ts,open,high,low,close,volume\n";
  writeLines(
    path,
    header,
    replicate(source, count),
    (bar) => `${bar.symbol},${bar.timeframe},${time(bar.ts)},${prices(bar)},${bar.volume}\n`,
  );
}

/** Makes `count` bars and writes them to `directory` in all the forms. */
export function makeData(source: string, count: number, directory: string): BenchData {
  const bars = [...replicate(source, count)];
  const symbols = [...new Set(bars.map(({ symbol }) => symbol))];
  const ids = new Map(symbols.map((symbol, at) => [symbol, at + 1]));
  const keyed = (name: string, more: number) => {
    const path = join(directory, name);
    writeLines(
      path,
      "",
      bars,
      (bar) => `${ids.get(bar.symbol)},${time(bar.ts)},${prices(bar)},${bar.volume + more},2024-01-01T00:00:00Z,f\n`,
    );
    return path;
  };
  const csv = join(directory, "bars.csv");
  writeCsv(source, count, csv);
  return { bars, symbols, csv, keyed: keyed("keyed.csv", 0), keyedChanged: keyed("keyed-changed.csv", 1) };
}

function writeLines(path: string, header: string, bars: Iterable<Bar>, line: (bar: Bar) => string): void {
  using file = Deno.openSync(path, { create: true, truncate: true, write: true });
  const encoder = new TextEncoder();
  const write = (text: string) => {
    const bytes = encoder.encode(text);
    for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
  };
  let text = header;
  for (const bar of bars) {
    text += line(bar);
    if (text.length < 1_000_000) continue;
    write(text);
    text = "";
  }
  write(text);
}

const time = (ms: number) => new Date(ms).toISOString().replace(".000", "");
const prices = ({ open, high, low, close }: Bar) => `${open},${high},${low},${close}`;
