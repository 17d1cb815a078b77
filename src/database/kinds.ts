/**
 * Tables of record kinds, made from their columns, so that a further kind is one file and brings its own.
 *
 * @module
 */
import { recordKind, recordKinds } from "../records/mod.ts";
import type { ColumnType, MarketRecord, RecordKind } from "../records/record.ts";
import type { Step } from "./step.ts";

/** How each type is declared. `char` in quotes is the single-byte type. */
export const SQL_TYPES: Record<ColumnType, string> = {
  int4: "int4",
  float8: "float8",
  timestamptz: "timestamptz",
  date: "date",
  char: '"char"',
  text: "text",
  jsonb: "jsonb",
};

/** The table of each kind, and the step that makes it with its view. */
export function kindTables(): { relation: string; step: Step }[] {
  return Object.keys(recordKinds).map(recordKind).map((kind) => ({
    relation: kind.table,
    step: { name: kind.name, statements: createStatements(kind) },
  }));
}

/**
 * The statements that make a kind's table and its view. All identifiers are the kind's own. Columns stand in the order in
 * which the kind gives them, `series_id` after those of eight bytes.
 */
function createStatements({ name, table, view, columns, keyColumns }: RecordKind<MarketRecord>): string[] {
  const wide = columns.filter(({ type }) => type === "float8" || type === "timestamptz");
  const narrow = columns.filter((column) => !wide.includes(column));
  const declare = (column: typeof columns[number]) =>
    `  ${column.name} ${SQL_TYPES[column.type]}${column.optional ? "" : " NOT NULL"}`;
  const shown = columns.map((column) => `r.${column.name}`).filter((shown) =>
    !["r.ts", "r.received_at"].includes(shown)
  );
  const declared = [...wide.map(declare), "  series_id int4 NOT NULL", ...narrow.map(declare)];
  return [
    `CREATE TABLE ${table} (
${declared.join(",\n")},
  PRIMARY KEY (series_id, ${keyColumns.join(", ")})
)`,
    `COMMENT ON TABLE ${table} IS 'Records of the kind ${name}; read them through the view ${view}.'`,
    `CREATE VIEW ${view} AS
SELECT s.tenant, s.provider, s.symbol, r.ts, ${shown.join(", ")}, r.received_at, r.series_id
FROM ${table} r JOIN series_key s ON s.id = r.series_id`,
  ];
}
