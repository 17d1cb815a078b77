/**
 * Records as columns: the form in which a frame carries them from the parser to the encoder.
 *
 * **Cells.** Everything but free text is a number in one `Float64Array`, column after column: the cell of the column at
 * `place` in row `at` is `cells[place * stride + at]`. {@linkcode SERIES}, {@linkcode TS} and {@linkcode RECEIVED_AT}
 * are the places of the columns that every kind has; the kind's own fields follow, and `kind.fields` has the place of
 * each. `NaN` is an absent value. A required number may be `NaN` too: then the record is unsound, and validation
 * rejects it.
 *
 * | type of the field | cell |
 * |-------------------|------|
 * | `float8`, `int4`, `int8`, `flag` | the number |
 * | `timestamptz` | milliseconds since 1970, fractions kept to the microsecond ({@linkcode RECEIVED_AT}: **microseconds**) |
 * | `date` | days since 1970 |
 * | `enum` | place of the value in the field's `values` |
 *
 * **Texts.** A field of type `text` or `jsonb` has its values in `texts[place]`, `undefined` where absent; its cells
 * are not used. JSON is kept as its text.
 *
 * **Series.** Provider, symbol and timeframe are one code into `series`, a dictionary that all frames of a source
 * share.
 *
 * **How a reader fills them.** Make a {@linkcode SeriesDictionary} once a source. For each frame, {@linkcode
 * createColumns} with room for its rows (and `series = renewSeries(series)`); then for each record, with `at =
 * columns.count`:
 * 1. write `series.codeOf(provider, symbol, timeframe)` (a reader of bytes remembers the code by the bytes), the time
 *   and the receive time to their places;
 * 2. write each field of `kind.fields` to its place: a number as parsed, anything else by `field.read(text, …)`. A new
 *   buffer is all `NaN` and `undefined`, so an absent value needs no write, except for a field with a `default`;
 * 3. write the line to `lines[at]`, where there are lines, and then `columns.count++`.
 *
 * A record that turns out to be unsound half-way leaves nothing behind as long as the count stays: but then also write
 * the absent values of the next one, or {@linkcode clearRow} it. `kind.read(values, columns, receivedAt, context)` does
 * all of this but the line, from texts and JSON values, and returns the problem of an unsound record in words; a reader
 * of bytes falls back to it where its own fast path does not apply (a quoted field, an unusual number or time, a kind
 * with `derive`). Columns are never written again after their frame has been handed on.
 *
 * @module
 */
import type { SeriesKey } from "./record.ts";
import type { SeriesDictionary } from "./series_dictionary.ts";

/** Place of the code of the series. */
export const SERIES = 0;
/** Place of the record's own time, in milliseconds since 1970-01-01 UTC. */
export const TS = 1;
/** Place of the time of receipt, in microseconds since 1970-01-01 UTC. */
export const RECEIVED_AT = 2;
/** Place of the kind's first own field. */
export const FIRST_FIELD = 3;

/** The columns of one kind: their number, and those with texts. */
export interface Layout {
  /** One more than the last place. */
  readonly places: number;
  /** Places of the fields whose values are texts. */
  readonly textPlaces: readonly number[];
}

/** See the module's description. Immutable once it is in a frame. */
export interface Columns {
  /** Number of rows. */
  readonly count: number;
  /** Number of rows that fit: the distance between two columns in `cells`. */
  readonly stride: number;
  readonly cells: Float64Array<ArrayBuffer>;
  readonly series: SeriesDictionary;
  /** Columns of text by place; empty at the places of other fields. */
  readonly texts: readonly (readonly (string | undefined)[])[];
  /** Line of each record in the frame's source, from 1; absent if it was not read from a file. */
  readonly lines?: Uint32Array<ArrayBuffer>;
}

/** Columns being filled. */
export interface OpenColumns extends Columns {
  count: number;
  readonly texts: (string | undefined)[][];
}

/** Most rows of columns that are part of a slab. */
const SMALL = 16;
/** Rows of a slab. */
const SLAB_ROWS = 512;

/** Cells of many small frames: separate memory for each would cost more than all their other work. */
interface Slab {
  readonly buffer: ArrayBuffer;
  next: number;
}
const slabs = new WeakMap<Layout, Slab>();

/** Creates columns with room for `room` rows, and none in them. */
export function createColumns(
  layout: Layout,
  room: number,
  series: SeriesDictionary,
  withLines = false,
): OpenColumns {
  const { places, textPlaces } = layout;
  const texts: (string | undefined)[][] = textPlaces.length === 0 ? NO_TEXTS : Array.from({ length: places }, () => []);
  const lines = withLines ? new Uint32Array(room) : undefined;
  if (room === 0 || room > SMALL) {
    return { count: 0, stride: room, cells: new Float64Array(places * room).fill(NaN), series, texts, lines };
  }
  let slab = slabs.get(layout);
  if (slab === undefined || slab.next + room > SLAB_ROWS) {
    slab = { buffer: new Float64Array(places * SLAB_ROWS).fill(NaN).buffer, next: 0 };
    slabs.set(layout, slab);
  }
  const cells = new Float64Array(slab.buffer, 8 * slab.next, (places - 1) * SLAB_ROWS + room);
  slab.next += room;
  return { count: 0, stride: SLAB_ROWS, cells, series, texts, lines };
}

/** The texts of kinds that have none. */
const NO_TEXTS: (string | undefined)[][] = [];

/**
 * Frees the memory of columns that are no longer read; afterwards they are empty. V8 would otherwise mark the whole
 * heap for each 10 MB that wait for the garbage collector, which took a third of the processor time of a load.
 */
export function releaseColumns({ cells, lines }: Columns): void {
  // Small columns share their memory.
  if (cells.byteLength < cells.buffer.byteLength) return;
  cells.buffer.transfer(0);
  lines?.buffer.transfer(0);
}

/** Clears the row at `columns.count`. */
export function clearRow({ texts, cells, count, stride }: OpenColumns): void {
  for (let at = count; at < cells.length; at += stride) cells[at] = NaN;
  for (const column of texts) if (column.length > count) column.length = count;
}

/** The series of a row. */
export function seriesOf({ series, cells }: Columns, at: number): SeriesKey {
  return series.keys[cells[at]];
}

/** Part of columns: `count` rows from `from` on, in their order. */
export interface Slice {
  readonly columns: Columns;
  readonly from: number;
  readonly count: number;
}

/** Rows of several frames, one slice after another, which are written at once. */
export interface Rows {
  readonly slices: readonly Slice[];
  readonly count: number;
}

/** The rows between two places. */
export function cutRows<S extends Slice>({ slices }: { readonly slices: readonly S[] }, from: number, to: number) {
  const cut: S[] = [];
  let start = 0;
  for (const slice of slices) {
    const at = Math.max(from, start);
    const count = Math.min(to, start + slice.count) - at;
    if (count > 0) cut.push(count === slice.count ? slice : { ...slice, from: slice.from + at - start, count });
    start += slice.count;
  }
  return { slices: cut, count: to - from };
}

/** All rows of columns. */
export const allRows = (columns: Columns): Rows => ({
  slices: [{ columns, from: 0, count: columns.count }],
  count: columns.count,
});

/** Number of columns; the last one may be shorter than the others. */
const placesOf = ({ cells, stride }: Columns) => stride === 0 ? 0 : Math.ceil(cells.length / stride);

/** Columns of the rows at these places, in the order of the places. */
export function pickRows(columns: Columns, rows: ArrayLike<number>): Columns {
  const { cells, stride, texts, lines } = columns;
  const count = rows.length;
  const places = placesOf(columns);
  const picked = new Float64Array(places * count);
  for (let place = 0; place < places; place++) {
    for (let at = 0; at < count; at++) picked[place * count + at] = cells[place * stride + rows[at]];
  }
  return {
    ...columns,
    count,
    stride: count,
    cells: picked,
    texts: texts.map((column) => column.length === 0 ? [] : Array.from(rows, (row) => column[row])),
    lines: lines && Uint32Array.from(rows, (row) => lines[row]),
  };
}

/** Columns of `count` rows from `from` on, fewer if the columns end. */
export function sliceRows(columns: Columns, from: number, count: number): Columns {
  if (from === 0 && count >= columns.count) return columns;
  const found = Math.max(0, Math.min(count, columns.count - from));
  return pickRows(columns, Array.from({ length: found }, (_, at) => from + at));
}

/** Joins columns of the same kind. */
export function joinColumns(given: readonly Columns[]): Columns {
  const parts = given.filter(({ count }) => count > 0);
  const first = parts[0] ?? given[0];
  if (parts.length <= 1) return first;
  const { series, texts, lines } = first;
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const places = placesOf(first);
  const cells = new Float64Array(places * count);
  let start = 0;
  for (const part of parts) {
    for (let place = 0; place < places; place++) {
      const from = place * part.stride;
      cells.set(part.cells.subarray(from, from + part.count), place * count + start);
    }
    if (part.series !== series) {
      for (let at = start; at < start + part.count; at++) {
        const { provider, symbol, timeframe } = part.series.keys[cells[at]];
        cells[at] = series.codeOf(provider, symbol, timeframe);
      }
    }
    start += part.count;
  }
  const joinTexts = (_: unknown, place: number) =>
    texts[place].length === 0 && parts.every((part) => part.texts[place].length === 0)
      ? []
      : parts.flatMap((part) => Array.from({ length: part.count }, (_, at) => part.texts[place][at]));
  return {
    count,
    stride: count,
    cells,
    series,
    texts: texts.map(joinTexts),
    lines: lines && Uint32Array.from(parts.flatMap((part) => [...part.lines!.subarray(0, part.count)])),
  };
}
