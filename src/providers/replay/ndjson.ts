/**
 * Reads records from NDJSON lines: one JSON object a line.
 *
 * @module
 */
import { parseObject } from "../../files/sample.ts";
import { clearRow, type OpenColumns } from "../../records/columns.ts";
import { ABSENT, createObjectScanner, NUMBER } from "./bytes/objects.ts";
import { createCellWriter } from "./cells.ts";
import { BLANK, type LineReader, type LineTarget, lineText, newlineAfter, RETURN, ROW } from "./line.ts";
import { readFields, readValues } from "./values.ts";

/**
 * Creates a reader of objects. An unusual object (with an escape, an inner object, an unreadable value) is parsed as
 * JSON, and `kind.read` reads or refuses its values.
 */
export function createNdjsonReader(target: LineTarget): LineReader {
  const { fields } = target.kind;
  const keys = fields.flatMap(({ name, aliases }, slot) =>
    [name, ...aliases].map((name, rank) => ({ name, slot, rank }))
  );
  const { scan, tokens, starts, ends } = createObjectScanner(keys, fields.length);
  const cells = createCellWriter(target);
  const values: unknown[] = [];
  const line = { bytes: new Uint8Array(0) as Uint8Array, from: 0, to: 0 };
  const text = () => lineText(line.bytes, line.from, line.to);

  /** Reads an object in one pass over its bytes, and returns whether that was possible. */
  function readPlain(bytes: Uint8Array, from: number, to: number, into: OpenColumns): boolean {
    if (!scan(bytes, from, to)) return false;
    for (let field = 0; field < fields.length; field++) {
      const token = tokens[field];
      const start = token === ABSENT ? 0 : starts[field];
      const end = token === ABSENT ? 0 : ends[field];
      if (!cells.write(field, bytes, start, end, token === NUMBER, into)) return false;
    }
    return cells.end(bytes, into);
  }

  function readObject(into: OpenColumns, receivedAt: number): string {
    const object = parseObject(text());
    if (object === undefined) return "line is not a JSON object";
    readFields(object, fields, values);
    return readValues(target, values, into, receivedAt);
  }

  const reader = {
    outcome: BLANK,
    read(bytes: Uint8Array, from: number, to: number, into: OpenColumns, receivedAt: number) {
      const newline = newlineAfter(bytes, from, to);
      const end = newline > from && bytes[newline - 1] === RETURN ? newline - 1 : newline;
      cells.begin(into, receivedAt);
      if (from === end) reader.outcome = BLANK;
      else if (readPlain(bytes, from, end, into)) reader.outcome = ROW;
      else {
        clearRow(into);
        Object.assign(line, { bytes, from, to });
        reader.outcome = readObject(into, receivedAt);
      }
      return newline < to ? newline + 1 : to;
    },
    describe: () => parseObject(text()) ?? { raw: text() },
  };
  return reader;
}
