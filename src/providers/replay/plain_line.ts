/**
 * Reads the bytes of a delimited line in one pass, straight into a row.
 *
 * @module
 */
import type { OpenColumns } from "../../records/columns.ts";
import type { Field } from "../../records/field.ts";
import type { RowFormat } from "../../files/row_scanner.ts";
import { type CellWriter, isDecimal } from "./cells.ts";
import { NEWLINE, RETURN } from "./line.ts";

const MINUS = 45;
const POINT = 46;
const ZERO = 48;
/** Most digits, with a mark, that a double always represents exactly. */
const PLAIN_LENGTH = 15;
const POWERS_OF_TEN = Float64Array.from({ length: PLAIN_LENGTH }, (_, power) => 10 ** power);
/** Stands for a column without a field. */
const NO_FIELD = -1;

/** Stands for a line that cannot be read in one pass. */
export const UNUSUAL = -1;

/** The content of each column, compiled once for a file. */
export interface LinePlan {
  readonly delimiter: number;
  readonly quote: number;
  /** Most bytes of a line are above it and end no field. */
  readonly ceiling: number;
  /** The last column. */
  readonly last: number;
  /** The field of each column, or -1. */
  readonly fieldOf: Int32Array;
  /** The index of the field of each column with numbers, or -1. */
  readonly decimalPlace: Int32Array;
}

/** Compiles a plan from the column of each field; `isPlain` says whether its numbers are plain decimals. */
export function planLine(
  { delimiter, quote, width }: RowFormat,
  columnOf: readonly number[],
  fields: readonly { readonly field: Field; readonly isPlain: boolean }[],
): LinePlan {
  const fieldOf = Int32Array.from({ length: width }, (_, column) => columnOf.indexOf(column));
  return {
    delimiter,
    quote,
    ceiling: Math.max(delimiter, NEWLINE),
    last: width - 1,
    fieldOf,
    decimalPlace: fieldOf.map((at) => {
      const { field, isPlain } = fields[at] ?? {};
      return field !== undefined && isPlain && isDecimal(field) ? field.place : NO_FIELD;
    }),
  };
}

/**
 * Adds the line that begins at `from` as a row, and returns where the next begins, or `to`; {@linkcode UNUSUAL} if that
 * is impossible: for a quote within quotes, another number of fields, an unreadable value. The row must have been
 * begun.
 */
export function readPlainLine(
  plan: LinePlan,
  cells: CellWriter,
  bytes: Uint8Array,
  from: number,
  to: number,
  into: OpenColumns,
): number {
  const { delimiter, quote, ceiling, last, fieldOf, decimalPlace } = plan;
  const numbers = into.cells;
  const { stride, count } = into;
  let at = from;
  for (let column = 0; column <= last; column++, at++) {
    let start = at;
    let byte = bytes[at];
    const isQuoted = byte === quote;
    if (isQuoted) byte = bytes[start = ++at];
    const place = decimalPlace[column];
    if (place !== NO_FIELD) {
      // A plain decimal is read on the way to its end.
      const isNegative = byte === MINUS;
      if (isNegative) byte = bytes[++at];
      const first = at;
      let digits = 0;
      let point = -1;
      while (true) {
        const digit = byte - ZERO;
        if (digit >= 0 && digit <= 9) digits = digits * 10 + digit;
        else if (byte === POINT && point < 0) point = at;
        else break;
        byte = bytes[++at];
      }
      const length = at - first;
      const isWhole = at < to && !isQuoted && (column < last ? byte === delimiter : byte === NEWLINE);
      if (isWhole && length <= PLAIN_LENGTH && length > (point < 0 ? 0 : 1)) {
        const value = point < 0 ? digits : digits / POWERS_OF_TEN[at - point - 1];
        numbers[place * stride + count] = isNegative ? -value : value;
        continue;
      }
    }
    if (isQuoted) { while (at < to && bytes[at] !== quote && bytes[at] !== NEWLINE) at++; }
    else while (at < to && (bytes[at] > ceiling || bytes[at] !== delimiter && bytes[at] !== NEWLINE)) at++;
    let end = at;
    if (isQuoted && (at >= to || bytes[at++] !== quote)) return UNUSUAL;
    if (column < last) {
      if (at >= to || bytes[at] !== delimiter) return UNUSUAL;
    } else {
      if (isQuoted && at < to && bytes[at] === RETURN) at++;
      else if (!isQuoted && end > start && bytes[end - 1] === RETURN) end--;
      if (at < to && bytes[at] !== NEWLINE) return UNUSUAL;
    }
    const field = fieldOf[column];
    if (field !== NO_FIELD && !cells.write(field, bytes, start, end, false, into)) return UNUSUAL;
  }
  return cells.end(bytes, into) ? Math.min(at, to) : UNUSUAL;
}
