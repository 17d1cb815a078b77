/**
 * Records from delimited lines.
 *
 * @module
 */
import { clearRow, type OpenColumns } from "../../records/columns.ts";
import { createRowScanner } from "../../files/row_scanner.ts";
import { createCellWriter } from "./cells.ts";
import { findColumns, readHeader } from "./header.ts";
import { BLANK, type LineReader, type LineTarget, lineText, ROW } from "./line.ts";
import { planLine, readPlainLine, UNUSUAL } from "./plain_line.ts";
import { readValues } from "./values.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Creates a reader from a header, whose columns may be in any order; unknown columns are ignored.
 *
 * A line is read in one pass over its bytes. An unusual line (a quote within quotes, another number of fields, an
 * unreadable value) is split into texts, which `kind.read` reads or refuses.
 *
 * @throws {RangeError} If the header lacks a column that is needed.
 */
export function createCsvReader(header: string, delimiter: string, target: LineTarget): LineReader {
  const { fields } = target.kind;
  const { names, format } = readHeader(header, delimiter);
  /** The column of each field. */
  const columnOf = findColumns(names, fields);
  const plan = planLine(format, columnOf, fields.map((field) => ({ field, isPlain: true })));
  const cells = createCellWriter(target);
  const row = createRowScanner(format);
  const values: unknown[] = [];
  const line = { bytes: new Uint8Array(0) as Uint8Array, from: 0, to: 0 };

  const textOf = (column: number) =>
    column < 0 ? undefined : decoder.decode(row.bytes.subarray(row.starts[column], row.ends[column]));

  /** Reads the fields of the scanned line as texts. */
  function readTexts(into: OpenColumns, receivedAt: number): string {
    if (row.count < 0) return "line has an unclosed quote";
    if (row.count !== names.length) {
      return `line has not as many fields as the header: ${row.count}, not ${names.length}`;
    }
    for (let at = 0; at < fields.length; at++) values[at] = textOf(columnOf[at]);
    return readValues(target, values, into, receivedAt);
  }

  const reader = {
    outcome: BLANK,
    read(bytes: Uint8Array, from: number, to: number, into: OpenColumns, receivedAt: number) {
      cells.begin(into, receivedAt);
      const next = readPlainLine(plan, cells, bytes, from, to, into);
      if (next !== UNUSUAL) {
        reader.outcome = ROW;
        return next;
      }
      clearRow(into);
      Object.assign(line, { bytes, from, to });
      const after = row.scan(bytes, from, to);
      reader.outcome = row.lineEnd === from ? BLANK : readTexts(into, receivedAt);
      return after;
    },
    describe() {
      if (row.count !== names.length) return { raw: lineText(line.bytes, line.from, line.to) };
      const named = fields.map(({ name }, at) => [name, textOf(columnOf[at])]);
      return Object.fromEntries(named.filter(([, cell]) => cell !== undefined));
    },
  };
  return reader;
}
