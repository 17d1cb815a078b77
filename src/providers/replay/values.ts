/**
 * Reads the values of a row from JSON, and writes them into columns.
 *
 * @module
 */
import { clearRow, type OpenColumns } from "../../records/columns.ts";
import type { Field } from "../../records/field.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { ParseContext } from "../../records/record.ts";
import { ROW } from "./line.ts";

/** Puts the values of an object's fields into `values`. */
export function readFields(
  object: Record<string, unknown>,
  fields: readonly Pick<Field, "name" | "aliases">[],
  values: unknown[],
): void {
  for (let at = 0; at < fields.length; at++) {
    const { name, aliases } = fields[at];
    values[at] = object[name];
    for (let alias = 0; values[at] === undefined && alias < aliases.length; alias++) {
      values[at] = object[aliases[alias]];
    }
  }
}

/**
 * Reads the values of a row's fields as a record. Returns `ROW`, or the problem, and then leaves no part of the row
 * behind.
 */
export function readValues(
  { kind, context }: { readonly kind: RecordKind; readonly context: ParseContext },
  values: readonly unknown[],
  into: OpenColumns,
  receivedAt: number,
): string {
  const problem = kind.read(values, into, receivedAt, context);
  if (problem === undefined) return ROW;
  clearRow(into);
  return problem;
}
