/**
 * The schema that Barline's tables are in, and how statements name them.
 *
 * Every statement names its tables with their schema, so it does not depend on the `search_path` of the session, which
 * a connection pooler passes from one client to the next.
 *
 * @module
 */
/** Names as SQL writes them. */
export interface Names {
  /** The schema's plain name. */
  readonly schema: string;
  /** The schema's name in SQL. */
  readonly quotedSchema: string;
  /** The SQL name of a table, view, sequence or function of the schema, from its own name, which needs no quotes. */
  readonly of: (relation: string) => string;
}

/** The names in a schema. */
export function namesIn(schema: string): Names {
  // Quotes are always valid; without them the usual name is easier to read.
  const quotedSchema = schema === DEFAULT_SCHEMA ? schema : identifier(schema);
  return { schema, quotedSchema, of: (relation) => `${quotedSchema}.${relation}` };
}

/** The schema of a new database. */
export const DEFAULT_SCHEMA = "public";

/** SQL for a name. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** SQL for a text. A backslash is refused, as its meaning depends on the server's settings. */
export function literal(text: string): string {
  if (text.includes("\\")) throw new RangeError(`Cannot write ${JSON.stringify(text)} as SQL: it has a backslash`);
  return `'${text.replaceAll("'", "''")}'`;
}

/** SQL for a time as epoch milliseconds. */
export const ms = (time: string): string => `(extract(epoch FROM ${time}) * 1000)::float8`;
