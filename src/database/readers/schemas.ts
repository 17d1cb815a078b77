/**
 * Readers by views of their own: a schema for each role, with a view for each table and view that all know, which lets
 * the rows of its tenants through. The role has no right on anything below.
 *
 * @module
 */
import type { Client } from "pg";
import type { Grants } from "./grants.ts";
import { identifier, literal, type Relations, SERIES } from "./relations.ts";

const PREFIX = "barline_reader_";

/** Reads the grants from the comments on the schemas. */
export async function readSchemas(client: Client): Promise<Grants> {
  const { rows } = await client.query(
    `SELECT rolname, obj_description(n.oid, 'pg_namespace')::json AS grant
FROM pg_namespace n JOIN pg_roles r ON nspname = $1 || r.oid`,
    [PREFIX],
  );
  return new Map(
    rows.map(({ rolname, grant }) => [rolname, grant?.tenants ? new Set<string>(grant.tenants) : undefined]),
  );
}

/** The statements that lead from some grants to others. */
export async function planSchemas(
  client: Client,
  relations: Relations,
  before: Grants,
  after: Grants,
): Promise<string[]> {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const { rows } = await client.query("SELECT rolname, oid FROM pg_roles WHERE rolname = ANY ($1)", [names]);
  return rows.flatMap(({ rolname, oid }) => {
    const schema = `${PREFIX}${oid}`;
    if (!after.has(rolname)) return before.has(rolname) ? [`DROP SCHEMA ${schema} CASCADE`] : [];
    return planSchema(relations, schema, rolname, after.get(rolname));
  });
}

function planSchema(
  { schema: of, tables, views }: Relations,
  schema: string,
  role: string,
  tenants: ReadonlySet<string> | undefined,
): string[] {
  const base = identifier(of);
  const own = (relation: string) =>
    tenants === undefined ? "true" : `${relation}.tenant IN (${Array.from(tenants, literal).join(", ")})`;
  const conditions = new Map([
    [SERIES, own(SERIES)],
    ...tables.map((table): [string, string] => [
      table,
      `${table}.series_id IN (SELECT k.id FROM ${base}.${SERIES} k WHERE ${own("k")})`,
    ]),
    ...views.map((view): [string, string] => [view, own(view)]),
  ]);
  const made = Array.from(conditions, ([name, condition]) =>
    // What a reader asks is looked at after the condition, so that no function of his sees a row of others.
    `CREATE OR REPLACE VIEW ${schema}.${name} WITH (security_barrier = true) AS
SELECT * FROM ${base}.${name} WHERE ${condition}`);
  return [
    `CREATE SCHEMA IF NOT EXISTS ${schema}`,
    `COMMENT ON SCHEMA ${schema} IS ${literal(JSON.stringify({ role, tenants: tenants && [...tenants] }))}`,
    ...made,
    `GRANT USAGE ON SCHEMA ${schema} TO ${identifier(role)}`,
    `GRANT SELECT ON ${Array.from(conditions.keys(), (name) => `${schema}.${name}`).join(", ")} TO ${identifier(role)}`,
  ];
}
