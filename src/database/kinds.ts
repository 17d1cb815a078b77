/**
 * Creates the tables of record kinds from their columns, so that a further kind takes one file.
 *
 * @module
 */
import { recordKind, recordKinds } from "../records/mod.ts";
import type { ColumnType, RecordKind } from "../records/kind.ts";
import type { Names } from "./names.ts";
import { type Relation, viewOf } from "./schema/relation.ts";

/** SQL declarations of the types. `char` in quotes is the single-byte type. */
export const SQL_TYPES: Record<ColumnType, string> = {
  int4: "int4",
  int8: "int8",
  float8: "float8",
  timestamptz: "timestamptz",
  date: "date",
  char: '"char"',
  text: "text",
  jsonb: "jsonb",
};

/** The same types in the notation of PostgreSQL's `format_type`. */
const FORMATTED_TYPES: Record<ColumnType, string> = {
  ...SQL_TYPES,
  int4: "integer",
  int8: "bigint",
  float8: "double precision",
  timestamptz: "timestamp with time zone",
};

/** Columns of a row's key after `series_id` and `ts`, as SQL. */
export function furtherKey({ keyColumns }: Pick<RecordKind, "keyColumns">, row: string): string {
  const further = keyColumns.slice(1).map((name) => `${row}.${name}`);
  return further.length === 1
    ? `${further[0]}::text`
    : `${further.length === 0 ? "''" : `concat_ws(chr(31), ${further.join(", ")})`}`;
}

/** Columns that order observations of a key, as SQL: whether it revises others, then its time of receipt. */
export function observationOrder({ revisions }: Pick<RecordKind, "revisions">, row: string): string {
  const isRevision = revisions === undefined
    ? "false"
    : `${row}.${revisions.column} IN (${revisions.codes.map(quoteCode).join(", ")})`;
  return `(${isRevision}, ${row}.received_at)`;
}

/** SQL for the code of a column of type `char`. */
export const quoteCode = (code: string): string => `'${code}'::"char"`;

/** Table and view of each kind but bars, whose relations the migrations create. */
export function kindRelations(): Relation[] {
  return Object.keys(recordKinds).filter((name) => name !== "bar").map(recordKind).flatMap((kind) => {
    const { table, view, keyColumns } = kind;
    const columns = [
      ...kind.columns.map(({ name, type, optional }) => ({
        name,
        type: FORMATTED_TYPES[type],
        required: optional !== true,
      })),
      { name: "series_id", type: "integer", required: true },
    ];
    const names = ["tenant", "provider", "symbol"].map((name) => [name, "text"]);
    const shown = Object.fromEntries([...names, ...columns.map(({ name, type }) => [name, type])]);
    return [
      {
        name: table,
        kind: "table",
        columns,
        keys: [["series_id", ...keyColumns].sort()],
        triggers: [],
        create: (names) => createTable(kind, names),
      },
      viewOf(view, shown, (names) => [createView(kind, names)]),
    ];
  });
}

/**
 * The statements that create a kind's table. All identifiers belong to the kind. Columns keep the kind's order, with
 * `series_id` after those of eight bytes.
 */
function createTable({ name, table, view, columns, keyColumns }: RecordKind, { of }: Names): string[] {
  const wide = columns.filter(({ type }) => ["float8", "int8", "timestamptz"].includes(type));
  const narrow = columns.filter((column) => !wide.includes(column));
  const declare = (column: typeof columns[number]) =>
    `  ${column.name} ${SQL_TYPES[column.type]}${column.optional ? "" : " NOT NULL"}`;
  const declared = [...wide.map(declare), "  series_id int4 NOT NULL", ...narrow.map(declare)];
  return [
    `CREATE TABLE ${of(table)} (
${declared.join(",\n")},
  PRIMARY KEY (series_id, ${keyColumns.join(", ")})
)`,
    `COMMENT ON TABLE ${of(table)} IS 'Records of the kind ${name}; read them through the view ${view}.'`,
  ];
}

/** The statement that creates a kind's view. */
function createView({ table, view, columns }: RecordKind, { of }: Names): string {
  const shown = columns.map((column) => `r.${column.name}`).filter((shown) =>
    !["r.ts", "r.received_at"].includes(shown)
  );
  return `CREATE VIEW ${of(view)} AS
SELECT s.tenant, s.provider, s.symbol, r.ts, ${shown.join(", ")}, r.received_at, r.series_id
FROM ${of(table)} r JOIN ${of("series_key")} s ON s.id = r.series_id`;
}
