/**
 * The description of a relation of the schema.
 *
 * @module
 */

import type { Names } from "../names.ts";

/** A column, with its type in the notation of PostgreSQL's `format_type`. */
export interface Column {
  readonly name: string;
  readonly type: string;
  /** Whether an insert must give it a value. */
  readonly required: boolean;
}

/** A table or view of Barline. */
export interface Relation {
  readonly name: string;
  readonly kind: "table" | "view";
  readonly columns: readonly Column[];
  /** Columns of each unique key that `ON CONFLICT` can name, in alphabetical order. */
  readonly keys: readonly (readonly string[])[];
  readonly triggers: readonly { readonly name: string; readonly create: (names: Names) => string }[];
  readonly create: (names: Names) => readonly string[];
}

/** A function that triggers call. */
export interface TriggerFunction {
  readonly name: string;
  readonly create: (names: Names) => string;
}

/** A view without triggers, whose columns are given as `name: type`. */
export function viewOf(
  name: string,
  columns: Readonly<Record<string, string>>,
  create: Relation["create"],
): Relation {
  return {
    name,
    kind: "view",
    columns: Object.entries(columns).map(([name, type]) => ({ name, type, required: false })),
    keys: [],
    triggers: [],
    create,
  };
}
