/**
 * Compiles functions for the fields of one kind. A loop over the names of fields takes a look-up for each, which costs
 * several times the work itself; a function that names them needs none. Names come from declarations, never from input.
 *
 * @module
 */
import { type Field, isNumber } from "./field.ts";

/** Writes the numbers and enums of a record to a row; `false` if any has another type than its field. */
export type NumberWriter = (
  record: Record<string, unknown>,
  cells: Float64Array,
  stride: number,
  at: number,
) => boolean;

const IDENTIFIER = /^[A-Za-z]\w*$/;

function nameOf({ name }: Field): string {
  if (!IDENTIFIER.test(name)) throw new RangeError(`Cannot define a field "${name}": its name is none of a property`);
  return name;
}

/**
 * Compiles the writer of fields without texts and dates; `undefined` if a field has one, which takes the general way.
 */
export function compileWriter(fields: readonly Field[]): NumberWriter | undefined {
  const lines: string[] = [];
  for (const field of fields) {
    const cell = `cells[${field.place} * stride + at]`;
    const absent = field.optional ? `if (value === undefined) ${cell} = NaN; else ` : "";
    lines.push(`value = record.${nameOf(field)};`);
    if (field.type === "enum") {
      const choices = Object.keys(field.values!).map((name, place) =>
        `if (value === ${JSON.stringify(name)}) ${cell} = ${place};`
      );
      lines.push(`${absent}${choices.join(" else ")} else return false;`);
    } else if (isNumber(field) || field.type === "timestamptz") {
      const isWrong = field.optional ? `typeof value !== "number" || value !== value` : `typeof value !== "number"`;
      lines.push(`${absent}if (${isWrong}) return false; else ${cell} = value;`);
    } else return undefined;
  }
  return new Function(
    "record",
    "cells",
    "stride",
    "at",
    `let value;\n${lines.join("\n")}\nreturn true;`,
  ) as NumberWriter;
}

/** Compiles the sum of the numbers of a record, which is finite if each of them is. */
export function compileSum(fields: readonly Field[]): (record: Record<string, unknown>) => number {
  const parts = fields.map((field) => `(record.${nameOf(field)} ?? 0)`);
  return new Function("record", `return ${["0", ...parts].join(" + ")};`) as (
    record: Record<string, unknown>,
  ) => number;
}
