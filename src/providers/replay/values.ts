/**
 * The values of a kind's fields in JSON.
 *
 * @module
 */
import type { Field } from "../../records/field.ts";

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
