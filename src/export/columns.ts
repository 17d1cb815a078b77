/**
 * The columns of exported files: names that Barline reads again, and the sources of their values.
 *
 * @module
 */
import type { BatchColumn, BatchType } from "../files/write/batch.ts";
import type { Column, ColumnType, RecordKind } from "../records/kind.ts";

/** A column of an export. */
export interface ExportColumn extends BatchColumn {
  readonly from: ColumnSource;
}

/** The source of a column's values. */
export type ColumnSource =
  /** The names of the series. */
  | { readonly part: "provider" | "symbol" | "timeframe" }
  /** The column of the table at this place of {@linkcode RecordKind.columns}. */
  | { readonly part: "column"; readonly place: number; readonly type: ColumnType }
  /** The name for a code of the column at this place. */
  | { readonly part: "code"; readonly place: number; readonly names: ReadonlyMap<number, string> }
  /** 1 if the column at this place has the code. */
  | { readonly part: "flag"; readonly place: number; readonly code: number };

const TYPES: Readonly<Record<Exclude<ColumnType, "char">, BatchType>> = {
  int4: "int32",
  // Exactly: those stored are below 2^53.
  int8: "double",
  float8: "double",
  timestamptz: "time",
  date: "date",
  text: "text",
  jsonb: "json",
};

/** The columns of a kind, names of the series first and the time of receipt last, without those in `left`. */
export function columnsOf(kind: RecordKind, left: readonly string[] = []): ExportColumn[] {
  const own = kind.columns.flatMap((column, place) => ownColumns(kind, column, place));
  const isReceipt = ({ name }: ExportColumn) => name === "received_at";
  const series = (["provider", "symbol", "timeframe"] as const)
    .filter((part) => part !== "timeframe" || kind.timeframe === undefined)
    .map((part): ExportColumn => ({ name: part, type: "text", optional: false, from: { part } }));
  return [...series, ...own.filter((each) => !isReceipt(each)), ...own.filter(isReceipt)]
    .filter(({ name }) => !left.includes(name));
}

function ownColumns(kind: RecordKind, column: Column, place: number): ExportColumn[] {
  const { name, type, optional = false } = column;
  if (type !== "char") return [{ name, type: TYPES[type], optional, from: { part: "column", place, type } }];
  const field = kind.fields.find((each) => each.place === column.place)!;
  const values = Object.entries(field.values!);
  const names = new Map(values.map(([value, code]) => [code.charCodeAt(0), value]));
  const { mark } = column;
  if (mark === undefined) return [{ name, type: "text", optional, from: { part: "code", place, names } }];
  names.set(mark.to, names.get(mark.from)!);
  const flag = kind.fields.find((each) => each.place === mark.place)!;
  return [
    { name, type: "text", optional, from: { part: "code", place, names } },
    { name: nameOf(flag), type: "int32", optional: true, from: { part: "flag", place, code: mark.to } },
  ];
}

/** The name of a field in files, with underscores. */
const nameOf = ({ name, aliases }: { name: string; aliases: readonly string[] }) =>
  aliases.find((alias) => alias.includes("_")) ?? name;
