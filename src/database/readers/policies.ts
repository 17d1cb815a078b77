/**
 * Restricts readers by row-level security: policies on the tables name the roles, and views run with the reader's
 * rights. A policy consists of constants, so that no setting of a session changes its effect.
 *
 * @module
 */
import type { Client } from "pg";
import { identifier, literal, type Names } from "../names.ts";
import { type Grants, type Relations, SERIES } from "./relations.ts";

const PREFIX = "barline tenant ";
const ALL = "barline all tenants";
const WRITERS = "barline writers";

/** Reads the grants from the policies of the table of series. */
export async function readPolicies(client: Client, schema: string): Promise<Grants> {
  const { rows } = await client.query(
    `SELECT policyname, role FROM pg_policies, unnest(roles) AS role
WHERE schemaname = $1 AND tablename = $2 AND (policyname = $3 OR starts_with(policyname, $4))`,
    [schema, SERIES, ALL, PREFIX],
  );
  const grants = new Map<string, Set<string> | undefined>();
  for (const { policyname, role } of rows) {
    if (policyname === ALL) grants.set(role, undefined);
    else if (!grants.has(role) || grants.get(role) !== undefined) {
      grants.set(role, new Set([...grants.get(role) ?? [], policyname.slice(PREFIX.length)]));
    }
  }
  return grants;
}

/** The statements that turn one set of grants into another. */
export function planPolicies({ names, tables, views }: Relations, before: Grants, after: Grants): string[] {
  const all = [SERIES, ...tables];
  const { of } = names;
  const roles = (names: Iterable<string>) => Array.from(names, identifier).join(", ");
  const statements: string[] = [];
  for (const table of all) {
    const policies = policiesOf(before, of);
    for (const name of policies) statements.push(`DROP POLICY IF EXISTS ${identifier(name)} ON ${of(table)}`);
    if (after.size === 0) {
      statements.push(`ALTER TABLE ${of(table)} DISABLE ROW LEVEL SECURITY`);
      continue;
    }
    statements.push(`ALTER TABLE ${of(table)} ENABLE ROW LEVEL SECURITY`);
    // Writers that are not the owner: policies do not apply to the owner.
    const mayWrite = `(SELECT has_table_privilege(current_user, ${literal(of(table))}, 'INSERT'))`;
    statements.push(
      `CREATE POLICY ${identifier(WRITERS)} ON ${of(table)} USING (${mayWrite}) WITH CHECK (${mayWrite})`,
    );
    for (const [name, { condition, names }] of conditionsOf(table, after, of)) {
      statements.push(
        `CREATE POLICY ${identifier(name)} ON ${of(table)} FOR SELECT TO ${roles(names)} USING (${condition})`,
      );
    }
  }
  const gone = [...before.keys()].filter((role) => !after.has(role));
  const readable = [...all, ...views].map(of).join(", ");
  if (gone.length > 0) statements.push(`REVOKE SELECT ON ${readable} FROM ${roles(gone)}`);
  for (const view of views) {
    statements.push(
      `ALTER VIEW ${of(view)} ${after.size === 0 ? "RESET (security_invoker)" : "SET (security_invoker = true)"}`,
    );
  }
  if (after.size > 0) {
    statements.push(`GRANT USAGE ON SCHEMA ${names.quotedSchema} TO ${roles(after.keys())}`);
    statements.push(`GRANT SELECT ON ${readable} TO ${roles(after.keys())}`);
  }
  return statements;
}

/** Names of all policies that these grants need. */
function policiesOf(grants: Grants, of: Names["of"]): string[] {
  return [WRITERS, ...conditionsOf(SERIES, grants, of).keys()];
}

/** The policies of a table: their conditions, and their roles. */
function conditionsOf(
  table: string,
  grants: Grants,
  of: Names["of"],
): Map<string, { condition: string; names: string[] }> {
  const policies = new Map<string, { condition: string; names: string[] }>();
  for (const [role, tenants] of grants) {
    for (const tenant of tenants ?? [undefined]) {
      const name = tenant === undefined ? ALL : `${PREFIX}${tenant}`;
      const isOwn = (relation: string) => tenant === undefined ? "true" : `${relation}.tenant = ${literal(tenant)}`;
      const condition = table === SERIES || tenant === undefined
        ? isOwn(table)
        : `${table}.series_id IN (SELECT k.id FROM ${of(SERIES)} k WHERE ${isOwn("k")})`;
      const policy = policies.get(name) ?? { condition, names: [] };
      policy.names.push(role);
      policies.set(name, policy);
    }
  }
  return policies;
}
