/**
 * The schema that Barline's tables are in, and how statements name them.
 *
 * Every statement names its tables with their schema. So it means the same whatever the `search_path` of the session is,
 * which a connection pooler gives from one client to the next.
 *
 * @module
 */
/** Names as SQL writes them. */
export interface Names {
  /** The schema as it is called. */
  readonly schema: string;
  /** The schema as SQL writes it. */
  readonly quotedSchema: string;
  /** A table, view, sequence or function of the schema, by its own name, which needs no quotes. */
  readonly of: (relation: string) => string;
}

/** The names in a schema. */
export function namesIn(schema: string): Names {
  // Any name may be written in quotes. The one that nearly all have is easier to read without.
  const quotedSchema = schema === DEFAULT_SCHEMA ? schema : identifier(schema);
  return { schema, quotedSchema, of: (relation) => `${quotedSchema}.${relation}` };
}

/** The schema that a new database has. */
export const DEFAULT_SCHEMA = "public";

/** A name as SQL writes it. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL writes it, whatever the server takes backslashes for. */
export function literal(text: string): string {
  if (text.includes("\\")) throw new RangeError(`Cannot write ${JSON.stringify(text)} as SQL: it has a backslash`);
  return `'${text.replaceAll("'", "''")}'`;
}

/** An expression of SQL: a time as epoch milliseconds. */
export const ms = (time: string): string => `(extract(epoch FROM ${time}) * 1000)::float8`;
