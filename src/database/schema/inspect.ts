/**
 * Reads the existing parts of the schema from `pg_catalog`, in Barline's schema alone: tables with the same names in
 * other schemas do not belong to Barline.
 *
 * @module
 */
import type { Client } from "pg";
import { FatalError } from "../faults.ts";
import { DEFAULT_SCHEMA, identifier, type Names } from "../names.ts";
import { functions, relations } from "./description.ts";
import type { Column } from "./relation.ts";

/** The kind of an existing relation. */
export type FoundKind = "table" | "partitioned table" | "view" | "materialized view" | "foreign table" | "other";

/** An existing relation. */
export interface FoundRelation {
  readonly name: string;
  readonly kind: FoundKind;
  readonly owner: string;
  readonly columns: readonly Column[];
  /** Columns of each unique key that `ON CONFLICT` can name, in alphabetical order. */
  readonly keys: readonly (readonly string[])[];
  readonly triggers: readonly string[];
  /** Rules that rewrite inserts or updates. */
  readonly rules: readonly string[];
  /** Whether a crash of the server empties it, or a partition of it. */
  readonly isUnlogged: boolean;
  /** Whether rows outside all partitions have a place; only for a partitioned table. */
  readonly hasDefaultPartition: boolean;
}

/** The existing parts of a schema. */
export interface FoundSchema {
  /** Names in the inspected schema. */
  readonly names: Names;
  /** Whether the schema exists. */
  readonly exists: boolean;
  readonly relations: ReadonlyMap<string, FoundRelation>;
  /** Names of the existing functions. */
  readonly functions: ReadonlySet<string>;
}

/** An empty database. */
export const noSchema = (names: Names): FoundSchema => ({
  names,
  exists: names.schema === DEFAULT_SCHEMA,
  relations: new Map(),
  functions: new Set(),
});

const COLUMNS = `SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
    'required', a.attnotnull AND NOT a.atthasdef AND a.attidentity = '') ORDER BY a.attnum)
  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

// ON CONFLICT cannot use keys with expressions, conditions or a deferred check.
const KEYS = `SELECT json_agg(key.names ORDER BY key.names::text) FROM (
    SELECT (SELECT json_agg(a.attname ORDER BY a.attname) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[])) AS names
    FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL
  ) AS key`;

const TRIGGERS = `SELECT json_agg(t.tgname ORDER BY t.tgname) FROM pg_trigger t
  WHERE t.tgrelid = c.oid AND NOT t.tgisinternal`;

// Of the events, '2' is UPDATE and '3' is INSERT.
const RULES = `SELECT json_agg(r.rulename ORDER BY r.rulename) FROM pg_rewrite r
  WHERE r.ev_class = c.oid AND r.ev_type IN ('2', '3') AND r.ev_enabled <> 'D'`;

const RELATIONS = `SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
    WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'other' END AS kind,
  (${COLUMNS}) AS columns, (${KEYS}) AS keys, (${TRIGGERS}) AS triggers, (${RULES}) AS rules,
  c.relpersistence = 'u' OR EXISTS (SELECT FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
    WHERE i.inhparent = c.oid AND p.relpersistence = 'u') AS "isUnlogged",
  EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = c.oid AND p.partdefid <> 0) AS "hasDefaultPartition"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $2 AND c.relname = ANY ($1) AND c.relkind NOT IN ('i', 'I', 't')`;

const SCHEMA = `SELECT n.oid IS NOT NULL AS exists, coalesce(has_schema_privilege(n.oid, 'USAGE'), true) AS "mayUse",
  current_user AS role
FROM (SELECT 1) AS one LEFT JOIN pg_namespace n ON n.nspname = $1`;

const FUNCTIONS = `SELECT p.proname AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $2 AND p.proname = ANY ($1)`;

/**
 * Reads the existing relations among the given ones, by default those of the description.
 *
 * @throws {FatalError} If the user may not use the schema.
 */
export async function inspectSchema(
  client: Client,
  names: Names,
  asked: readonly string[] = relations.map(({ name }) => name),
): Promise<FoundSchema> {
  const { schema } = names;
  const { rows: [{ exists, mayUse, role }] } = await client.query(SCHEMA, [schema]);
  if (!mayUse) {
    throw new FatalError(
      `Cannot use the schema "${schema}": the user "${role}" lacks the right. As the owner of the tables run ` +
        `\`barline migrate --grant ${role}\`, or GRANT USAGE ON SCHEMA ${names.quotedSchema} TO ${identifier(role)}`,
    );
  }
  const { rows } = await client.query(RELATIONS, [asked, schema]);
  const { rows: made } = await client.query(FUNCTIONS, [functions.map(({ name }) => name), schema]);
  return {
    names,
    exists,
    relations: new Map(rows.map((row): [string, FoundRelation] => [row.name, {
      ...row,
      columns: row.columns ?? [],
      keys: row.keys ?? [],
      triggers: row.triggers ?? [],
      rules: row.rules ?? [],
    }])),
    functions: new Set(made.map(({ name }) => name)),
  };
}
