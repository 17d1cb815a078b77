/**
 * Tables as CSV and as NDJSON.
 *
 * @module
 */
import { isoOf, type OutputColumn, quoteField, type TableWriter, type TextRow, type WriteBytes } from "./column.ts";

const encoder = new TextEncoder();

/** Writes CSV (RFC 4180) with a header; an empty field is `null`, and an empty text is in quotes. */
export function writeCsv(columns: readonly OutputColumn[], write: WriteBytes): TableWriter {
  let isBegun = false;
  const header = `${columns.map(({ name }) => quoteField(name)).join(",")}\n`;
  const cell = (value: string | null, at: number) =>
    value === null ? "" : columns[at].type === "time" ? isoOf(value) : quoteField(value);
  async function put(rows: readonly TextRow[]): Promise<void> {
    const lines = rows.map((row) => `${row.map(cell).join(",")}\n`);
    await write(encoder.encode(`${isBegun ? "" : header}${lines.join("")}`));
    isBegun = true;
  }
  return {
    write: put,
    async end() {
      if (!isBegun) await put([]);
    },
  };
}

/** The value of a cell as JSON. */
export function jsonOf(value: string | null, { type }: OutputColumn): string {
  if (value === null) return "null";
  switch (type) {
    case "boolean":
      return value === "t" || value === "true" ? "true" : "false";
    case "int32":
    case "int64":
      // Readers of JSON round larger integers.
      return Number.isSafeInteger(Number(value)) ? value : JSON.stringify(value);
    case "double":
      return Number.isFinite(Number(value)) ? value : JSON.stringify(value);
    case "json":
      return value;
    case "time":
      return JSON.stringify(isoOf(value));
    default:
      return JSON.stringify(value);
  }
}

const objectsOf = (columns: readonly OutputColumn[]) => {
  const keys = columns.map(({ name }) => JSON.stringify(name));
  return (row: TextRow) => `{${row.map((value, at) => `${keys[at]}:${jsonOf(value, columns[at])}`).join(",")}}`;
};

/** Writes NDJSON, an object a line. */
export function writeNdjson(columns: readonly OutputColumn[], write: WriteBytes): TableWriter {
  const toObject = objectsOf(columns);
  return {
    write: (rows) => write(encoder.encode(rows.map((row) => `${toObject(row)}\n`).join(""))),
    async end() {},
  };
}

/** Writes one array of objects. */
export function writeJson(columns: readonly OutputColumn[], write: WriteBytes): TableWriter {
  const toObject = objectsOf(columns);
  let isBegun = false;
  return {
    async write(rows) {
      if (rows.length === 0) return;
      await write(encoder.encode(`${isBegun ? ",\n" : "["}${rows.map(toObject).join(",\n")}`));
      isBegun = true;
    },
    end: () => write(encoder.encode(isBegun ? "]\n" : "[]\n")),
  };
}
