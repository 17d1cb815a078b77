/**
 * PostgreSQL's binary formats: rows for `COPY … (FORMAT binary)`, and one-dimensional arrays as parameters.
 *
 * Layouts after the PostgreSQL documentation, "COPY, Binary Format", and `array_send`, `timestamptz_send` in its source:
 * all big-endian, a timestamp being microseconds since 2000-01-01 UTC as a 64-bit integer.
 *
 * @module
 */
import type { Columns } from "../../records/columns.ts";
import type { Column, ColumnType } from "../../records/kind.ts";
import { charOf, type PreparedRows } from "./rows.ts";

/** Microseconds from 1970-01-01 to 2000-01-01. */
const EPOCH_2000_US = 946_684_800_000_000;
const TWO_TO_32 = 2 ** 32;
const NULL_LENGTH = -1;
/** "PGCOPY\n\377\r\n\0", then 32 bits of flags and 32 bits of header extension length. */
const COPY_HEADER = Uint8Array.of(80, 71, 67, 79, 80, 89, 10, 255, 13, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const COPY_TRAILER = 0xffff;

/** Days from 1970-01-01 to 2000-01-01. */
const EPOCH_2000_DAYS = 10_957;
/** The version before the text of a `jsonb` (`jsonb_recv`). */
const JSONB_VERSION = 1;

/** Bytes of a value; that of a text varies. */
const SIZES: Record<ColumnType, number> = {
  int4: 4,
  int8: 8,
  float8: 8,
  timestamptz: 8,
  date: 4,
  char: 1,
  text: 0,
  jsonb: 0,
};
/** Type OIDs, from `pg_type`. */
const OIDS: Record<ColumnType, number> = {
  int4: 23,
  int8: 20,
  float8: 701,
  timestamptz: 1184,
  date: 1082,
  char: 18,
  text: 25,
  jsonb: 3802,
};
const textEncoder = new TextEncoder();

/** Writes binary values one after another into a growing, reusable buffer. */
export class BinaryWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #at = 0;
  /** Bytes that the rest of a row may need after a text. */
  #rest = 0;

  /** Creates a writer with room for `size` bytes before it has to grow. */
  constructor(size = 64 * 1024) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Writes a COPY stream of these rows; valid until the next call. Their ids are the first column, `series_id`. */
  copy({ count, parts, part, row, ids }: PreparedRows, columns: readonly Column[]): Uint8Array<ArrayBuffer> {
    const rowBytes = 10 + columns.reduce((bytes, { type }) => bytes + 4 + SIZES[type], 0);
    this.#at = 0;
    this.#rest = rowBytes;
    this.#reserve(COPY_HEADER.length + count * rowBytes + 2);
    this.#bytes.set(COPY_HEADER);
    this.#at = COPY_HEADER.length;
    for (let at = 0; at < count; at++) {
      this.#reserve(rowBytes);
      this.#view.setInt16(this.#at, columns.length + 1);
      this.#view.setInt32(this.#at + 2, 4);
      this.#view.setInt32(this.#at + 6, ids[at]);
      this.#at += 10;
      for (let place = 0; place < columns.length; place++) this.#value(columns[place], parts[part[at]], row[at]);
    }
    this.#reserve(2);
    this.#view.setUint16(this.#at, COPY_TRAILER);
    return this.#bytes.subarray(0, this.#at + 2);
  }

  /**
   * Writes parameters, each the array of a column's values, the ids of the rows first; valid until the next call. `more` are
   * further arrays of integers, to come last.
   */
  arrays(
    { count, parts, part, row, ids }: PreparedRows,
    columns: readonly Column[],
    ...more: Int32Array[]
  ): Uint8Array<ArrayBuffer>[] {
    const ends: number[] = [];
    this.#at = 0;
    this.#rest = 0;
    this.#integers(ids);
    ends.push(this.#at);
    for (const column of columns) {
      this.#arrayHeader(column.type, count);
      for (let at = 0; at < count; at++) {
        this.#reserve(12);
        this.#value(column, parts[part[at]], row[at]);
      }
      ends.push(this.#at);
    }
    for (const values of more) {
      this.#integers(values);
      ends.push(this.#at);
    }
    return ends.map((end, at) => this.#bytes.subarray(at === 0 ? 0 : ends[at - 1], end));
  }

  #integers(values: Int32Array): void {
    this.#arrayHeader("int4", values.length);
    this.#reserve(values.length * 8);
    for (const value of values) {
      this.#view.setInt32(this.#at, 4);
      this.#view.setInt32(this.#at + 4, value);
      this.#at += 8;
    }
  }

  /** Dimensions, a flag that nulls may occur, element type, length, lower bound. */
  #arrayHeader(type: ColumnType, length: number): void {
    this.#reserve(20);
    const at = this.#at;
    this.#view.setInt32(at, length === 0 ? 0 : 1);
    this.#view.setInt32(at + 4, 1);
    this.#view.setInt32(at + 8, OIDS[type]);
    this.#view.setInt32(at + 12, length);
    this.#view.setInt32(at + 16, 1);
    // An empty array has no dimension to describe.
    this.#at = at + (length === 0 ? 12 : 20);
  }

  /** A length and the value, or the length -1 for null. Room for fixed sizes is reserved by the caller. */
  #value(column: Column, columns: Columns, row: number): void {
    const { type, place } = column;
    const view = this.#view;
    const at = this.#at;
    if (type === "text" || type === "jsonb") {
      const text = columns.texts[place][row];
      if (text !== undefined) return this.#text(text, type === "jsonb");
      view.setInt32(at, NULL_LENGTH);
      this.#at = at + 4;
      return;
    }
    this.#at = putCell(view, at, column, columns, row);
  }

  /** A text, after the version if it is JSON. */
  #text(value: string, isJson: boolean): void {
    this.#reserve(5 + value.length * 3 + this.#rest);
    const from = this.#at + (isJson ? 5 : 4);
    if (isJson) this.#bytes[this.#at + 4] = JSONB_VERSION;
    const { written } = textEncoder.encodeInto(value, this.#bytes.subarray(from));
    this.#view.setInt32(this.#at, from + written - this.#at - 4);
    this.#at = from + written;
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Writes a length and the value of a cell, or the length -1 for null; returns the place after it. */
function putCell(view: DataView, at: number, column: Column, columns: Columns, row: number): number {
  const cell = columns.cells[column.place * columns.stride + row];
  if (cell !== cell && column.optional) {
    view.setInt32(at, NULL_LENGTH);
    return at + 4;
  }
  switch (column.type) {
    case "float8":
      view.setInt32(at, 8);
      view.setFloat64(at + 4, cell);
      return at + 12;
    case "timestamptz":
      return putInt8(view, at, Math.round(cell * column.microseconds!) - EPOCH_2000_US);
    case "int8":
      return putInt8(view, at, cell);
    case "char":
      view.setInt32(at, 1);
      view.setUint8(at + 4, charOf(column, columns, row));
      return at + 5;
    default:
      view.setInt32(at, 4);
      view.setInt32(at + 4, column.type === "date" ? cell - EPOCH_2000_DAYS : cell);
      return at + 8;
  }
}

/** Writes a length and a whole number of 64 bits; returns the place behind it. In halves, as a bigint is an object. */
function putInt8(view: DataView, at: number, value: number): number {
  const upper = Math.floor(value / TWO_TO_32);
  view.setInt32(at, 8);
  view.setInt32(at + 4, upper);
  view.setUint32(at + 8, value - upper * TWO_TO_32);
  return at + 12;
}
