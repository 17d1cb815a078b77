/**
 * PostgreSQL's binary formats: rows for `COPY … (FORMAT binary)`, and one-dimensional arrays as parameters.
 *
 * Layouts after the PostgreSQL documentation, "COPY, Binary Format", and `array_send`, `timestamptz_send` in its source:
 * all big-endian, a timestamp being microseconds since 2000-01-01 UTC as a 64-bit integer.
 *
 * @module
 */
import type { Column, ColumnType } from "../../records/record.ts";

/** Microseconds from 1970-01-01 to 2000-01-01. */
const EPOCH_2000_US = 946_684_800_000_000;
const TWO_TO_32 = 2 ** 32;
const NULL_LENGTH = 0xffffffff;
/** "PGCOPY\n\377\r\n\0", then 32 bits of flags and 32 bits of header extension length. */
const COPY_HEADER = Uint8Array.of(80, 71, 67, 79, 80, 89, 10, 255, 13, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const COPY_TRAILER = 0xffff;

/** Days from 1970-01-01 to 2000-01-01. */
const EPOCH_2000_DAYS = 10_957;
/** The version that goes before the text of a `jsonb` (`jsonb_recv`). */
const JSONB_VERSION = 1;

/** Bytes of a value; text has as many as it has. */
const SIZES: Record<ColumnType, number> = {
  int4: 4,
  float8: 8,
  timestamptz: 8,
  date: 4,
  char: 1,
  text: NaN,
  jsonb: NaN,
};
/** Type OIDs, from `pg_type`. */
const OIDS: Record<ColumnType, number> = {
  int4: 23,
  float8: 701,
  timestamptz: 1184,
  date: 1082,
  char: 18,
  text: 25,
  jsonb: 3802,
};
const textEncoder = new TextEncoder();

/** Writes binary values one after another into a buffer that grows, and that can be used again. */
export class BinaryWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #at = 0;
  /** Room that the rest of a row may need after a text. */
  #rest = 0;

  /** Makes a writer with room for `size` bytes before it has to grow. */
  constructor(size = 64 * 1024) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Writes a COPY stream of these rows. `ids` are the values of the first column, `series_id`. */
  copy<R>(rows: readonly R[], ids: Int32Array, columns: readonly Column<R>[]): Uint8Array<ArrayBuffer> {
    this.#at = 0;
    this.#reserve(COPY_HEADER.length);
    this.#bytes.set(COPY_HEADER);
    this.#at = COPY_HEADER.length;
    this.#rest = rowBytes(columns);
    for (let row = 0; row < rows.length; row++) {
      this.#reserve(this.#rest);
      this.#view.setInt16(this.#at, columns.length + 1);
      this.#view.setInt32(this.#at + 2, 4);
      this.#view.setInt32(this.#at + 6, ids[row]);
      this.#at += 10;
      for (let at = 0; at < columns.length; at++) this.#value(columns[at].type, columns[at].value(rows[row]));
    }
    this.#reserve(2);
    this.#view.setUint16(this.#at, COPY_TRAILER);
    return this.#bytes.subarray(0, this.#at + 2);
  }

  /** Writes one parameter: the array of a column's values. */
  array<R>(rows: readonly R[], column: Column<R>): Uint8Array<ArrayBuffer> {
    this.#arrayHeader(column.type, rows.length);
    for (let row = 0; row < rows.length; row++) {
      this.#reserve(12);
      this.#value(column.type, column.value(rows[row]));
    }
    return this.#bytes.slice(0, this.#at);
  }

  /** Writes one parameter: an array of integers. */
  integers(values: Int32Array): Uint8Array<ArrayBuffer> {
    this.#arrayHeader("int4", values.length);
    this.#reserve(values.length * 8);
    for (const value of values) {
      this.#view.setInt32(this.#at, 4);
      this.#view.setInt32(this.#at + 4, value);
      this.#at += 8;
    }
    return this.#bytes.slice(0, this.#at);
  }

  /** Dimensions, a flag that nulls may occur, element type, length, lower bound. */
  #arrayHeader(type: ColumnType, length: number): void {
    this.#at = 0;
    this.#rest = 0;
    this.#reserve(20);
    this.#view.setInt32(0, length === 0 ? 0 : 1);
    this.#view.setInt32(4, 1);
    this.#view.setInt32(8, OIDS[type]);
    this.#view.setInt32(12, length);
    this.#view.setInt32(16, 1);
    // An empty array has no dimension to describe.
    this.#at = length === 0 ? 12 : 20;
  }

  /** A length and the value, or the length -1 for null. Room for fixed sizes is reserved by the caller. */
  #value(type: ColumnType, value: number | string | undefined): void {
    const view = this.#view;
    const at = this.#at;
    if (value === undefined) {
      view.setUint32(at, NULL_LENGTH);
      this.#at = at + 4;
    } else if (type === "float8") {
      view.setInt32(at, 8);
      view.setFloat64(at + 4, value as number);
      this.#at = at + 12;
    } else if (type === "timestamptz") {
      const micros = (value as number) - EPOCH_2000_US;
      view.setInt32(at, 8);
      view.setInt32(at + 4, Math.floor(micros / TWO_TO_32));
      view.setUint32(at + 8, micros >>> 0);
      this.#at = at + 12;
    } else if (type === "int4") {
      view.setInt32(at, 4);
      view.setInt32(at + 4, value as number);
      this.#at = at + 8;
    } else if (type === "date") {
      view.setInt32(at, 4);
      view.setInt32(at + 4, (value as number) - EPOCH_2000_DAYS);
      this.#at = at + 8;
    } else if (type === "char") {
      view.setInt32(at, 1);
      view.setUint8(at + 4, (value as string).charCodeAt(0));
      this.#at = at + 5;
    } else if (type === "jsonb") {
      this.#text(value as string, JSONB_VERSION);
    } else {
      this.#text(value as string);
    }
  }

  /** A text, after a byte that goes before it, if one is given. */
  #text(value: string, before?: number): void {
    this.#reserve(5 + value.length * 3 + this.#rest);
    const from = this.#at + (before === undefined ? 4 : 5);
    if (before !== undefined) this.#bytes[this.#at + 4] = before;
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

/** Most bytes of a COPY row, texts aside: field count, series id, and length and value of each column. */
function rowBytes<R>(columns: readonly Column<R>[]): number {
  let bytes = 10;
  for (const { type } of columns) bytes += 4 + (SIZES[type] || 0);
  return bytes;
}
