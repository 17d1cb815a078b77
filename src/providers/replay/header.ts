/**
 * The header of delimited lines.
 *
 * @module
 */
import type { Field } from "../../records/field.ts";
import { createRowScanner, type RowFormat } from "../../files/row_scanner.ts";

const QUOTE = '"'.charCodeAt(0);

/**
 * Reads the names of columns, in lower case, and the notation of lines; `mark` is the delimiter. No names if a quote is
 * open.
 */
export function readHeader(header: string, mark: string): { names: string[]; format: RowFormat } {
  const delimiter = mark.charCodeAt(0);
  const row = createRowScanner({ delimiter, quote: QUOTE, width: header.length + 1 });
  const bytes = new TextEncoder().encode(header);
  row.scan(bytes, 0, bytes.length);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const names = Array.from(
    { length: Math.max(0, row.count) },
    (_, at) => decoder.decode(row.bytes.subarray(row.starts[at], row.ends[at])).trim().toLowerCase(),
  );
  return { names, format: { delimiter, quote: QUOTE, width: names.length } };
}

/**
 * The column of each field, -1 for a field without one.
 *
 * @throws {RangeError} If the header lacks a column that is needed.
 */
export function findColumns(columns: readonly string[], fields: readonly Field[]): number[] {
  const found = fields.map(({ name, aliases }) => {
    const exact = columns.indexOf(name.toLowerCase());
    return exact >= 0 ? exact : columns.findIndex((column) => aliases.some((alias) => alias.toLowerCase() === column));
  });
  const needed = fields.filter(({ isNeeded }) => isNeeded);
  const missing = needed.filter((field) => found[fields.indexOf(field)] < 0);
  if (missing.length === 0) return found;
  const shown = columns.join(",").slice(0, 200);
  const names = (fields: readonly Field[], by: string) => fields.map(({ name }) => name).join(by);
  throw new RangeError(
    `header lacks ${names(missing, ", ")}. Its first line is ${JSON.stringify(shown)}, expected a header with the ` +
      `columns ${names(needed, ",")} in any order`,
  );
}
