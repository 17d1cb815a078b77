/**
 * Splits delimited lines (RFC 4180, without newlines inside quotes, which bars do not have).
 *
 * @module
 */
import { createRowScanner } from "./row_scanner.ts";

/** Splits a line; `undefined` if a quote is not closed. */
export function splitLine(line: string, delimiter: string, quote: string | undefined = '"'): string[] | undefined {
  if (quote === undefined || !line.includes(quote)) return line.split(delimiter);
  const bytes = encoder.encode(line);
  const row = createRowScanner({
    delimiter: delimiter.charCodeAt(0),
    quote: quote.charCodeAt(0),
    width: line.split(delimiter).length,
  });
  row.scan(bytes, 0, bytes.length);
  if (row.count < 0) return undefined;
  return Array.from({ length: row.count }, (_, at) => decoder.decode(row.bytes.subarray(row.starts[at], row.ends[at])));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const DELIMITERS = [",", ";", "\t", "|"];

/** The delimiter of lines: the one that splits all of them into the same number of fields, and into the most. */
export function findDelimiter(lines: readonly string[]): string {
  const counts = DELIMITERS.map((delimiter) => {
    const fields = lines.map((line) => splitLine(line, delimiter)?.length ?? 0);
    return fields.every((count) => count === fields[0]) ? fields[0] : 0;
  });
  const most = Math.max(1, ...counts);
  if (most > 1) return DELIMITERS[counts.indexOf(most)];
  return DELIMITERS.find((delimiter) => lines[0]?.includes(delimiter)) ?? ",";
}
