/**
 * The interface of readers of lines, for all formats.
 *
 * @module
 */
import type { OpenColumns } from "../../records/columns.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { ParseContext } from "../../records/record.ts";
import type { TimeUnit } from "../../records/time.ts";

/** The kind and context of the lines. */
export interface LineTarget {
  readonly kind: RecordKind;
  readonly context: ParseContext;
  readonly timeUnit: TimeUnit;
}

/** Reads the lines of one file, one after another. */
export interface LineReader {
  /**
   * Reads the line that begins at `from`, and returns where the next begins, or `to`. Its record is added to the
   * columns as a row; {@linkcode LineReader.outcome} has the outcome.
   */
  read(bytes: Uint8Array, from: number, to: number, columns: OpenColumns, receivedAt: number): number;
  /**
   * The outcome of the last line: {@linkcode ROW}, {@linkcode BLANK}, {@linkcode EMPTY}, or the reason why it is not a
   * record, as a phrase and perhaps `: ` and details.
   */
  readonly outcome: string;
  /** The last line as an object of its named fields, to keep if it is not a record. */
  describe(): unknown;
}

/** The outcome of a line that is a record. */
export const ROW = "row";
/** The outcome of a line without content. */
export const BLANK = "blank";
/** The outcome of a row without any price, which is neither a record nor a mistake. */
export const EMPTY = "empty";

export const NEWLINE = 10;
export const RETURN = 13;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Where the line that begins at `from` ends: at its newline, or at `to`. */
export function newlineAfter(bytes: Uint8Array, from: number, to: number): number {
  const newline = bytes.indexOf(NEWLINE, from);
  return newline < 0 || newline > to ? to : newline;
}

/** The line that begins at `from`, as text, without its newline. */
export function lineText(bytes: Uint8Array, from: number, to: number): string {
  const newline = newlineAfter(bytes, from, to);
  return decoder.decode(bytes.subarray(from, newline > from && bytes[newline - 1] === RETURN ? newline - 1 : newline));
}
