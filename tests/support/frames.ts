/**
 * Bars and frames in memory, sound unless said otherwise.
 *
 * @module
 */
import type { Bar } from "../../src/records/bar.ts";
import { columnsOf } from "../../src/records/build.ts";
import { allRows, type Columns, type Rows } from "../../src/records/columns.ts";
import { createFrame, type Frame, type FrameInit } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import type { MarketRecord } from "../../src/records/record.ts";
import { createSeriesDictionary } from "../../src/records/series_dictionary.ts";

/** 2024-01-02, half past nine in New York. */
export const OPENING = Date.UTC(2024, 0, 2, 14, 30);

/** A sound bar, `minute` minutes after the opening. */
export function makeBar(fields: Partial<Bar> = {}, minute = 0): Bar {
  return {
    provider: "test",
    symbol: "AAPL",
    timeframe: "1m",
    ts: OPENING + minute * 60_000,
    open: 100,
    high: 101,
    low: 99,
    close: 100.5,
    volume: 1000 + minute,
    status: "final",
    receivedAt: OPENING * 1000 + minute,
    ...fields,
  };
}

/** `count` sound bars, the first at minute `from`. */
export function makeBars(count: number, from = 0): Bar[] {
  return Array.from({ length: count }, (_, at) => makeBar({}, from + at));
}

/** What a frame of records is made of. */
export type RecordFrame<R> = Omit<FrameInit, "columns"> & {
  readonly records: readonly R[];
  readonly lines?: readonly number[];
};

/** The columns of records. Records that are none are left out. */
export function toColumns(records: readonly MarketRecord[], kind = "bar", lines?: readonly number[]): Columns {
  const { columns } = columnsOf(recordKind(kind), records, createSeriesDictionary());
  return { ...columns, lines: lines && Uint32Array.from(lines) };
}

/** Records as a sink takes them. */
export const rowsOf = (records: readonly MarketRecord[], kind = "bar"): Rows => allRows(toColumns(records, kind));

/** The records of columns, of all frames of a batch, or of one frame, as objects. */
export function recordsOf<R extends MarketRecord = Bar>(
  from: Columns | Rows | { readonly columns: Columns },
  kind = "bar",
): R[] {
  const { slices } = "slices" in from ? from : allRows("columns" in from ? from.columns : from);
  return slices.flatMap(({ columns, from, count }) =>
    Array.from({ length: count }, (_, at) => recordKind(kind).row(columns, from + at) as unknown as R)
  );
}

/** The line of each record of a frame. */
export function linesOf({ columns: { lines, count } }: { readonly columns: Columns }): number[] | undefined {
  return lines && [...lines.subarray(0, count)];
}

/** A frame of records. */
export function frameOf<R extends MarketRecord>({ records, lines, ...init }: RecordFrame<R>): Frame {
  return createFrame({ ...init, columns: toColumns(records, init.kind, lines) });
}

/** A frame of these bars, or of that many sound ones. */
export function makeFrame(
  bars: readonly Bar[] | number,
  { lines, ...init }: Partial<FrameInit> & { lines?: readonly number[] } = {},
): Frame {
  const records = typeof bars === "number" ? makeBars(bars) : bars;
  return createFrame({
    kind: "bar",
    provider: "test",
    receivedAt: OPENING * 1000,
    columns: toColumns(records, "bar", lines),
    ...init,
  });
}

/** Frames of these sizes whose bars are numbered on through all of them. */
export function makeFrames(sizes: readonly number[]): Frame[] {
  let from = 0;
  return sizes.map((size) => makeFrame(makeBars(size, (from += size) - size)));
}
