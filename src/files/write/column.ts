/**
 * Exported tables: columns with types, and rows of PostgreSQL's text values.
 *
 * @module
 */

/** Type of a column; `time` is a point in time, with its zone. */
export type ColumnType = "text" | "double" | "int32" | "int64" | "boolean" | "time" | "json";

/** A column. */
export interface OutputColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** A row: a text for each column, or `null`. */
export type TextRow = readonly (string | null)[];

/** Takes bytes, one piece after the other. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>;

/** Writes a table in one format. */
export interface TableWriter {
  write(rows: readonly TextRow[]): Promise<void>;
  /** Writes the rows still held, and the end of the file. */
  end(): Promise<void>;
}

/** Types by the OIDs of PostgreSQL. */
const TYPES: ReadonlyMap<number, ColumnType> = new Map([
  [16, "boolean"],
  [20, "int64"],
  [21, "int32"],
  [23, "int32"],
  [114, "json"],
  [700, "double"],
  [701, "double"],
  [1184, "time"],
  [3802, "json"],
]);

/** The type of a column by its OID. */
export const typeOf = (oid: number): ColumnType => TYPES.get(oid) ?? "text";

const TIME = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/;

/** A time of a UTC session in ISO 8601; other texts, such as `infinity`, stay the same. */
export function isoOf(text: string): string {
  const found = TIME.exec(text);
  if (found === null) return text;
  const [, day, time, fraction] = found;
  return `${day}T${time}${fraction === undefined ? "" : `.${fraction}`}Z`;
}

/** A time of a UTC session, in microseconds since 1970; `undefined` for other texts, such as `infinity`. */
export function microsecondsOf(text: string): bigint | undefined {
  const found = TIME.exec(text);
  if (found === null) return undefined;
  const [, day, time, fraction = ""] = found;
  const ms = Date.parse(`${day}T${time}Z`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, "0"));
}

/** A text as a field of CSV; an empty one is in quotes, as an empty field is an absent value. */
export const quoteField = (text: string): string =>
  text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** The value of a cell for a binary format: a number, bigint, boolean or text, or `null`. Times are microseconds since 1970. */
export function valueOf(text: string | null, { type }: OutputColumn): unknown {
  if (text === null) return null;
  switch (type) {
    case "double":
    case "int32":
      return Number(text);
    case "int64":
      return BigInt(text);
    case "boolean":
      return text === "t" || text === "true";
    case "time":
      return microsecondsOf(text) ?? null;
    default:
      return text;
  }
}
