/**
 * Values of `:name` in SQL.
 *
 * @module
 */
import { replaceNames } from "../../database/door/statements.ts";
import { UsageError } from "../command.ts";

/** Values by name. */
export type Parameters = ReadonlyMap<string, string>;

/**
 * Reads `NAME=VALUE`.
 *
 * @throws {UsageError} If a name is missing.
 */
export function readParameters(given: readonly string[]): Parameters {
  return new Map(given.map((text) => {
    const equals = text.indexOf("=");
    if (equals >= 1) return [text.slice(0, equals), text.slice(equals + 1)] as const;
    throw new UsageError(`Cannot use --param ${JSON.stringify(text)}: expected NAME=VALUE`);
  }));
}

/** A statement with numbered parameters, and their values. */
export interface BoundStatement {
  readonly text: string;
  readonly values: readonly string[];
}

/**
 * Replaces each name by a numbered parameter, so that values never become SQL.
 *
 * @throws {UsageError} If a name has no value.
 */
export function bindParameters(sql: string, parameters: Parameters): BoundStatement {
  const names: string[] = [];
  const text = replaceNames(sql, (name) => {
    if (!parameters.has(name)) {
      throw new UsageError(`Cannot run the SQL: :${name} has no value, give --param ${name}=VALUE`);
    }
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  return { text, values: names.map((name) => parameters.get(name)!) };
}
