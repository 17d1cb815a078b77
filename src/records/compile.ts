/**
 * Functions made for the fields of one kind. A loop over the names of fields costs a look-up for each, several times what the
 * work itself does; a function that names them costs none. Names come from declarations, never from input.
 *
 * @module
 */
import { type Field, isNumber } from "./field.ts";

/** Writes the numbers and enums of a record to a row; `false` where any is not what its field wants. */
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
 * Makes the writer of fields without texts and dates; `undefined` where a field has one: then the general way is taken.
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

/** Makes the sum of the numbers of a record: it is finite where each of them is. */
export function compileSum(fields: readonly Field[]): (record: Record<string, unknown>) => number {
  const parts = fields.map((field) => `(record.${nameOf(field)} ?? 0)`);
  return new Function("record", `return ${["0", ...parts].join(" + ")};`) as (
    record: Record<string, unknown>,
  ) => number;
}
