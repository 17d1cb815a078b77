/**
 * Grants roles access to tenants' rows.
 *
 * @module
 */
import type { Client } from "pg";
import { lockSchema } from "../lock.ts";
import { literal, type Names } from "../names.ts";
import { inTransaction } from "../transaction.ts";
import { planPolicies, readPolicies } from "./policies.ts";
import { type Grants, readRelations, type Relations } from "./relations.ts";
import { findRights } from "./rights.ts";
import { planSchemas, readerSchema, readSchemas } from "./schemas.ts";

/** A change of grants. */
export interface GrantChange {
  readonly role: string;
  /** The tenant; `undefined` means all tenants. */
  readonly tenant: string | undefined;
  readonly isRevoked: boolean;
}

/** The result of a change. */
export interface GrantReport {
  readonly grants: Grants;
  /** Notices for the user. */
  readonly notices: readonly string[];
}

/** Longest wait for a lock on a table, during which all later users of the table wait, too. */
const LOCK_TIMEOUT = "10s";

/** Reads the present grants. */
export async function readGrants(client: Client, names: Names): Promise<Grants> {
  const relations = await readRelations(client, names);
  return await grantsOf(client, relations);
}

async function grantsOf(client: Client, { names, way }: Relations): Promise<Grants> {
  return way === "policies" ? await readPolicies(client, names.schema) : await readSchemas(client, names);
}

/**
 * Changes grants, all or nothing: the role then sees the rows of its tenants and no others, through tables, views and
 * roll-ups. A role that could read more in another way is refused.
 *
 * @throws {Error} If the role does not exist, or could see more rows or change something in another way.
 */
export async function changeGrants(
  client: Client,
  names: Names,
  { role, tenant, isRevoked }: GrantChange,
): Promise<GrantReport> {
  return await inTransaction(client, async () => {
    await lockSchema(client, names);
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    const { rows } = await client.query("SELECT oid FROM pg_roles WHERE rolname = $1", [role]);
    if (rows.length === 0) {
      throw new Error(`Cannot find the role "${role}": create it first, as in CREATE ROLE ${role} LOGIN PASSWORD '…'`);
    }
    const relations = await readRelations(client, names);
    const before = await grantsOf(client, relations);
    const grants = change(before, { role, tenant, isRevoked });
    const notices: string[] = [];
    for (
      const statement of relations.way === "policies"
        ? planPolicies(relations, before, grants)
        : await planSchemas(client, relations, before, grants)
    ) await client.query(statement);
    if (grants.has(role)) await findRights(client, relations, role, grants.get(role) === undefined);
    if (relations.way === "views") {
      notices.push(
        ...await setSearchPath(client, role, grants.has(role) ? await readerSchema(client, names, role) : undefined),
      );
    } else if (before.size === 0 && grants.size > 0) notices.push(...await noticesForOthers(client, relations, grants));
    return { grants, notices };
  });
}

function change(before: Grants, { role, tenant, isRevoked }: GrantChange): Grants {
  const grants = new Map(before);
  const tenants = before.get(role);
  const all = before.has(role) && tenants === undefined;
  if (!isRevoked) {
    grants.set(role, tenant === undefined || all ? undefined : new Set([...tenants ?? [], tenant]));
    return grants;
  }
  if (tenant === undefined || tenants === undefined) {
    if (tenant !== undefined && all) {
      throw new Error(`Cannot revoke ${tenant} of ${role}: it sees all tenants, revoke that with --all`);
    }
    grants.delete(role);
    return grants;
  }
  const left = new Set([...tenants].filter((each) => each !== tenant));
  if (left.size === 0) grants.delete(role);
  else grants.set(role, left);
  return grants;
}

/**
 * Sets the search path of the role, so that it finds its views by their usual names. Few roles may change another one.
 */
async function setSearchPath(client: Client, role: string, schema: string | undefined): Promise<string[]> {
  const { rows: [{ statement }] } = await client.query(
    `SELECT format(CASE WHEN $2::text IS NOT NULL THEN 'ALTER ROLE %I IN DATABASE %I SET search_path = %I'
  ELSE 'ALTER ROLE %I IN DATABASE %I RESET search_path' END,
  $1::text, current_database(), $2::text) AS statement`,
    [role, schema],
  );
  await client.query("SAVEPOINT path");
  try {
    await client.query(statement);
    return schema !== undefined
      ? [`${role} reads the views of the schema ${schema}, its search_path from the next login on`]
      : [];
  } catch {
    await client.query("ROLLBACK TO path");
    return [`search_path of ${role} could not be changed, run as a superuser: ${statement}`];
  }
}

/** Lists the roles that could read until now, and see nothing once the first policy exists. */
async function noticesForOthers(
  client: Client,
  { tables, views, names: { of } }: Relations,
  grants: Grants,
): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT DISTINCT rolname FROM pg_roles r, unnest($1::text[]) AS name
WHERE NOT rolsuper AND NOT rolbypassrls AND rolname <> ALL ($2) AND rolname NOT LIKE 'pg\\_%'
  AND NOT pg_has_role(r.oid, (SELECT relowner FROM pg_class WHERE oid = ${literal(of("bar"))}::regclass), 'USAGE')
  AND has_table_privilege(r.oid, name, 'SELECT') AND NOT has_table_privilege(r.oid, name, 'INSERT')
ORDER BY 1`,
    [[...tables, ...views].map(of), [...grants.keys()]],
  );
  if (rows.length === 0) return [];
  const names = rows.map(({ rolname }) => rolname).join(", ");
  return [`who could read until now sees nothing any more, unless granted something, or --all: ${names}`];
}
