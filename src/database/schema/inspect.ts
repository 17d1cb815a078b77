/**
 * What a database has of the schema, read from `pg_catalog`, in the current schema alone: tables of the same names in
 * another schema of the search path belong to somebody else.
 *
 * @module
 */
import type { Client } from "pg";
import { FatalError } from "../faults.ts";
import { functions, relations } from "./description.ts";
import type { Column } from "./relation.ts";

/** What stands in the place of a relation. */
export type FoundKind = "table" | "partitioned table" | "view" | "materialized view" | "foreign table" | "other";

/** A relation that is there. */
export interface FoundRelation {
  readonly name: string;
  readonly kind: FoundKind;
  readonly owner: string;
  readonly columns: readonly Column[];
  /** Columns of each unique key that `ON CONFLICT` can name, in alphabetical order. */
  readonly keys: readonly (readonly string[])[];
  readonly triggers: readonly string[];
  /** Of a partitioned table, whether rows that no partition is made for have a place. */
  readonly hasDefaultPartition: boolean;
}

/** What there is. */
export interface FoundSchema {
  /** The schema that is looked into. */
  readonly schema: string;
  /** The same as SQL writes it. */
  readonly quotedSchema: string;
  readonly relations: ReadonlyMap<string, FoundRelation>;
  /** Names of the functions that are there. */
  readonly functions: ReadonlySet<string>;
}

/** A database in which there is nothing yet. */
export const NO_SCHEMA: FoundSchema = {
  schema: "public",
  quotedSchema: "public",
  relations: new Map(),
  functions: new Set(),
};

const COLUMNS = `SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
    'required', a.attnotnull AND NOT a.atthasdef AND a.attidentity = '') ORDER BY a.attnum)
  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

// Those with expressions, conditions or a later check are nothing for ON CONFLICT.
const KEYS = `SELECT json_agg(key.names ORDER BY key.names::text) FROM (
    SELECT (SELECT json_agg(a.attname ORDER BY a.attname) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[])) AS names
    FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL
  ) AS key`;

const TRIGGERS = `SELECT json_agg(t.tgname ORDER BY t.tgname) FROM pg_trigger t
  WHERE t.tgrelid = c.oid AND NOT t.tgisinternal`;

const RELATIONS = `SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
    WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'other' END AS kind,
  (${COLUMNS}) AS columns, (${KEYS}) AS keys, (${TRIGGERS}) AS triggers,
  EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = c.oid AND p.partdefid <> 0) AS "hasDefaultPartition"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relname = ANY ($1) AND c.relkind NOT IN ('i', 'I', 't')`;

const FUNCTIONS = `SELECT p.proname AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = current_schema() AND p.proname = ANY ($1)`;

/**
 * The schema that tables are made and looked for in.
 *
 * @throws {FatalError} If the search path names none that exists.
 */
export async function currentSchema(client: Client): Promise<{ schema: string; quotedSchema: string }> {
  const { rows: [{ schema, quoted, role, path }] } = await client.query(
    `SELECT current_schema() AS schema, quote_ident(current_schema()) AS quoted, current_user AS role,
  current_setting('search_path') AS path`,
  );
  if (schema !== null) return { schema, quotedSchema: quoted };
  throw new FatalError(
    `Cannot find a schema for the tables: search_path of the user "${role}" is "${path}", expected one that exists and ` +
      `that the user may use. Run ALTER ROLE "${role}" SET search_path = public`,
  );
}

/** Reads what there is of relations, those of the description unless others are named. */
export async function inspectSchema(
  client: Client,
  names: readonly string[] = relations.map(({ name }) => name),
): Promise<FoundSchema> {
  const { schema, quotedSchema } = await currentSchema(client);
  const { rows } = await client.query(RELATIONS, [names]);
  const { rows: made } = await client.query(FUNCTIONS, [functions.map(({ name }) => name)]);
  return {
    schema,
    quotedSchema,
    relations: new Map(rows.map((row): [string, FoundRelation] => [row.name, {
      ...row,
      columns: row.columns ?? [],
      keys: row.keys ?? [],
      triggers: row.triggers ?? [],
    }])),
    functions: new Set(made.map(({ name }) => name)),
  };
}
