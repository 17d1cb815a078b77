/**
 * Finds the fields of delimited lines in bytes (RFC 4180, without newlines inside quotes, which bars do not have).
 *
 * @module
 */

const NEWLINE = 10;
const RETURN = 13;

/** The notation of lines. */
export interface RowFormat {
  /** Byte between fields. */
  readonly delimiter: number;
  /** Byte around fields that may hold the delimiter; doubled inside a field it stands for itself. -1 without quotes. */
  readonly quote: number;
  /** Number of fields to record; further ones are only counted. */
  readonly width: number;
}

/** The last line scanned. One object serves all lines, so that a line costs no allocation. */
export interface RowScanner {
  /** The bytes that {@linkcode RowScanner.starts} and {@linkcode RowScanner.ends} index. */
  readonly bytes: Uint8Array;
  /** Where each field begins. */
  readonly starts: Int32Array;
  /** Where each field ends. */
  readonly ends: Int32Array;
  /** Number of fields; -1 if a quote is not closed. */
  readonly count: number;
  /** Where the line ends, without its newline. */
  readonly lineEnd: number;
  /** Scans the line that begins at `from`, and returns where the next begins, or `to`. */
  scan(bytes: Uint8Array, from: number, to: number): number;
}

/** Makes a scanner of lines of this format. */
export function createRowScanner({ delimiter, quote, width }: RowFormat): RowScanner {
  const starts = new Int32Array(width);
  const ends = new Int32Array(width);
  /** Most bytes are above both, and need only this comparison. */
  const ceiling = Math.max(delimiter, NEWLINE);
  /** Fields of a line with quotes, without the quotes. */
  let unquoted: Uint8Array = new Uint8Array(1024);

  const row = { bytes: unquoted, starts, ends, count: 0, lineEnd: 0, scan };

  function scan(bytes: Uint8Array, from: number, to: number): number {
    row.bytes = bytes;
    if (bytes[from] === quote) return scanQuoted(bytes, from, to);
    let column = 0;
    let start = from;
    let at = from;
    while (at < to) {
      const byte = bytes[at];
      if (byte > ceiling) {
        at++;
      } else if (byte === delimiter) {
        if (column < width) {
          starts[column] = start;
          ends[column] = at;
        }
        column++;
        start = ++at;
        if (bytes[at] === quote && at < to) return scanQuoted(bytes, from, to);
      } else if (byte === NEWLINE) {
        break;
      } else {
        at++;
      }
    }
    row.lineEnd = at > from && bytes[at - 1] === RETURN ? at - 1 : at;
    if (column < width) {
      starts[column] = start;
      // A lone CR is an empty line; on other lines, the last field may be empty.
      ends[column] = Math.max(start, row.lineEnd);
    }
    row.count = column + 1;
    return at < to ? at + 1 : to;
  }

  /** Scans a line with quotes: its fields are copied without them. */
  function scanQuoted(bytes: Uint8Array, from: number, to: number): number {
    const newline = bytes.subarray(from, to).indexOf(NEWLINE);
    const end = newline < 0 ? to : from + newline;
    const lineEnd = end > from && bytes[end - 1] === RETURN ? end - 1 : end;
    if (unquoted.length < lineEnd - from) unquoted = new Uint8Array(2 * (lineEnd - from));
    row.bytes = unquoted;
    row.lineEnd = lineEnd;
    let size = 0;
    row.count = 0;
    for (let at = from; at <= lineEnd; at++) {
      const start = size;
      if (bytes[at] === quote && at < lineEnd) {
        at++;
        while (true) {
          if (at >= lineEnd) return unclosed(end, to);
          if (bytes[at] !== quote) unquoted[size++] = bytes[at++];
          else if (at + 1 < lineEnd && bytes[at + 1] === quote) {
            unquoted[size++] = quote;
            at += 2;
          } else break;
        }
        at++;
      }
      while (at < lineEnd && bytes[at] !== delimiter) unquoted[size++] = bytes[at++];
      if (row.count < width) {
        starts[row.count] = start;
        ends[row.count] = size;
      }
      row.count++;
    }
    return end < to ? end + 1 : to;
  }

  function unclosed(end: number, to: number): number {
    row.count = -1;
    return end < to ? end + 1 : to;
  }

  return row;
}
