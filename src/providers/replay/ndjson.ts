/**
 * NDJSON lines to fields: one JSON object a line.
 *
 * @module
 */
import type { Field } from "../../records/field.ts";
import type { LineReader } from "./csv.ts";

/** Makes a reader of objects. */
export function createNdjsonReader(fields: readonly Field[]): LineReader {
  return {
    read(line, values) {
      const object = parseObject(line);
      if (object === undefined) return "line is not a JSON object";
      readFields(object, fields, values);
    },
    describe: (line) => parseObject(line) ?? { raw: line },
  };
}

/** Puts the values of an object's fields into `values`. */
export function readFields(object: Record<string, unknown>, fields: readonly Field[], values: unknown[]): void {
  for (let at = 0; at < fields.length; at++) {
    const { name, aliases } = fields[at];
    values[at] = object[name];
    for (let alias = 0; values[at] === undefined && alias < aliases.length; alias++) {
      values[at] = object[aliases[alias]];
    }
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const parsed = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
