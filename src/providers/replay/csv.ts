/**
 * CSV lines to fields (RFC 4180, but for newlines inside quotes: no bar has any).
 *
 * @module
 */
import { readDecimal } from "../../records/number.ts";
import { splitLine } from "../../files/split.ts";
import { type Field, isNumber as takesNumber } from "../../records/field.ts";

/** Takes lines apart. */
export interface LineReader {
  /**
   * Puts the values of the wanted fields into `values`.
   *
   * Returns why the line has none, as a phrase and perhaps `: ` and particulars, or `undefined` when all went well.
   */
  read(line: string, values: unknown[]): string | undefined;
  /** The line as an object of its named fields, to be kept where it is no record. */
  describe(line: string): unknown;
}

const QUOTE = '"';

/**
 * Makes a reader from a header, whose columns may stand in any order; columns that are not expected are ignored.
 *
 * @throws {RangeError} If the header lacks a column that is needed.
 */
export function createCsvReader(header: string, fields: readonly Field[], delimiter: string): LineReader {
  const columns = (splitLine(header, delimiter) ?? []).map((name) => name.trim().toLowerCase());
  const places = fields.map(({ name, aliases }) => {
    const exact = columns.indexOf(name);
    return exact >= 0 ? exact : columns.findIndex((column) => aliases.includes(column));
  });
  const missing = fields.filter(({ isNeeded }, at) => isNeeded && places[at] < 0).map(({ name }) => name);
  if (missing.length > 0) {
    const shown = columns.join(",").slice(0, 200);
    const needed = fields.filter(({ isNeeded }) => isNeeded).map(({ name }) => name).join(",");
    throw new RangeError(
      `header lacks ${missing.join(", ")}. Its first line is ${JSON.stringify(shown)}, expected a header with the ` +
        `columns ${needed} in any order`,
    );
  }
  /** The field of each column, -1 where none is wanted of it. */
  const wanted = columns.map((_, column) => places.indexOf(column));
  const isNumber = fields.map(takesNumber);

  const explainCount = (found: number) => `line has not as many fields as the header: ${found}, not ${columns.length}`;

  function readQuoted(line: string, values: unknown[]): string | undefined {
    const cells = splitLine(line, delimiter);
    if (cells === undefined) return "line has an unclosed quote";
    if (cells.length !== columns.length) return explainCount(cells.length);
    for (let field = 0; field < places.length; field++) values[field] = cells[places[field]];
  }

  return {
    read(line, values) {
      if (line.includes(QUOTE)) return readQuoted(line, values);
      let column = 0;
      for (let from = 0; from <= line.length; column++) {
        const comma = line.indexOf(delimiter, from);
        const to = comma < 0 ? line.length : comma;
        const field = wanted[column] ?? -1;
        if (field >= 0) values[field] = isNumber[field] ? readDecimal(line, from, to) : line.slice(from, to);
        from = to + 1;
      }
      if (column !== columns.length) return explainCount(column);
    },
    describe(line) {
      const cells = splitLine(line, delimiter);
      if (cells?.length !== columns.length) return { raw: line };
      const named = fields.map(({ name }, at) => [name, cells[places[at]]]).filter(([, cell]) => cell !== undefined);
      return Object.fromEntries(named);
    },
  };
}
