/**
 * Restricts readers by views of their own: a schema for each role, with a view of the rows of its tenants for each
 * public table and view. The role has no rights on the relations below.
 *
 * @module
 */
import type { Client } from "pg";
import { identifier, literal, type Names } from "../names.ts";
import { type Grants, type Relations, SERIES } from "./relations.ts";

const PREFIX = "barline_reader_";

/**
 * The schemas of a role's views over tables of series, and whether they belong to this schema of Barline or to another.
 */
const SCHEMAS = `SELECT n.nspname AS schema, r.rolname AS role, k.nspname = $2 AS own,
  obj_description(n.oid, 'pg_namespace')::json AS grant
FROM pg_roles r JOIN pg_namespace n ON n.nspname = $1 || r.oid OR starts_with(n.nspname, $1 || r.oid || '_')
JOIN pg_class v ON v.relnamespace = n.oid AND v.relname = '${SERIES}' JOIN pg_rewrite w ON w.ev_class = v.oid
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
  AND d.refobjid <> v.oid
JOIN pg_class t ON t.oid = d.refobjid AND t.relname = '${SERIES}' JOIN pg_namespace k ON k.oid = t.relnamespace
GROUP BY n.oid, n.nspname, r.rolname, k.nspname`;

/** Reads the grants from the comments on the schemas. */
export async function readSchemas(client: Client, { schema }: Names): Promise<Grants> {
  const { rows } = await client.query(SCHEMAS, [PREFIX, schema]);
  return new Map(
    rows.filter(({ own }) => own).map((
      { role, grant },
    ) => [role, grant?.tenants ? new Set<string>(grant.tenants) : undefined]),
  );
}

/** The schema of a role's views: a role has one for each schema of Barline in the database. */
export async function readerSchema(client: Client, { schema }: Names, role: string): Promise<string> {
  const found = (await client.query(SCHEMAS, [PREFIX, schema])).rows.filter((row) => row.role === role);
  const own = found.find((row) => row.own);
  if (own !== undefined) return own.schema;
  const { rows: [{ first, further }] } = await client.query(
    `SELECT $1 || r.oid AS first, $1 || r.oid || '_' || n.oid AS further
FROM pg_roles r, pg_namespace n WHERE r.rolname = $2 AND n.nspname = $3`,
    [PREFIX, role, schema],
  );
  return found.some((row) => row.schema === first) ? further : first;
}

/** The statements that turn one set of grants into another. */
export async function planSchemas(
  client: Client,
  relations: Relations,
  before: Grants,
  after: Grants,
): Promise<string[]> {
  const statements: string[] = [];
  for (const role of new Set([...before.keys(), ...after.keys()])) {
    const schema = await readerSchema(client, relations.names, role);
    if (after.has(role)) statements.push(...planSchema(relations, schema, role, after.get(role)));
    else statements.push(`DROP SCHEMA ${schema} CASCADE`);
  }
  return statements;
}

function planSchema(
  { names: { of }, tables, views }: Relations,
  schema: string,
  role: string,
  tenants: ReadonlySet<string> | undefined,
): string[] {
  const own = (relation: string) =>
    tenants === undefined ? "true" : `${relation}.tenant IN (${Array.from(tenants, literal).join(", ")})`;
  const conditions = new Map([
    [SERIES, own(SERIES)],
    ...tables.map((table): [string, string] => [
      table,
      `${table}.series_id IN (SELECT k.id FROM ${of(SERIES)} k WHERE ${own("k")})`,
    ]),
    ...views.map((view): [string, string] => [view, own(view)]),
  ]);
  const made = Array.from(conditions, ([name, condition]) =>
    // A reader's own conditions run after this one, so that none of the reader's functions sees a row of others.
    `CREATE OR REPLACE VIEW ${schema}.${name} WITH (security_barrier = true) AS
SELECT * FROM ${of(name)} WHERE ${condition}`);
  return [
    `CREATE SCHEMA IF NOT EXISTS ${schema}`,
    `COMMENT ON SCHEMA ${schema} IS ${literal(JSON.stringify({ role, tenants: tenants && [...tenants] }))}`,
    ...made,
    `GRANT USAGE ON SCHEMA ${schema} TO ${identifier(role)}`,
    `GRANT SELECT ON ${Array.from(conditions.keys(), (name) => `${schema}.${name}`).join(", ")} TO ${identifier(role)}`,
  ];
}
