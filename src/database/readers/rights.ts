/**
 * Finds rights of a reader beyond its grants.
 *
 * @module
 */
import type { Client } from "pg";
import { type Relations, SERIES } from "./relations.ts";

/** Roles of PostgreSQL itself that read, write or run anything. */
const POWERS = [
  ...["pg_read_all_data", "pg_write_all_data", "pg_read_server_files", "pg_write_server_files"],
  "pg_execute_server_program",
];
const WRITES = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];

/**
 * Checks that a role sees only its own rows and can change nothing. Memberships count even if they are not inherited,
 * as the role can use them at any time.
 *
 * @throws {Error} If the role has such a right; the message names it, and what to do.
 */
export async function findRights(
  client: Client,
  { names: { quotedSchema, of }, tables, views, hidden, way }: Relations,
  role: string,
  mayReadAll: boolean,
): Promise<void> {
  const refuse = (why: string) => {
    throw new Error(`Cannot keep the role "${role}" to its tenants: ${why}`);
  };
  const { rows: [{ super: isSuper, bypass, powers, owners }] } = await client.query(
    `WITH RECURSIVE held AS (
  SELECT oid FROM pg_roles WHERE rolname = $1
  UNION SELECT roleid FROM pg_auth_members JOIN held ON member = held.oid
)
SELECT bool_or(rolsuper) AS super, bool_or(rolbypassrls) AS bypass,
  coalesce(string_agg(rolname, ', ') FILTER (WHERE rolname = ANY ($2)), '') AS powers,
  coalesce(string_agg(rolname, ', ') FILTER (WHERE r.oid IN (
    SELECT relowner FROM pg_class WHERE oid = ANY (ARRAY(SELECT name::regclass FROM unnest($3::text[]) AS name)))), '')
    AS owners
FROM held JOIN pg_roles r USING (oid)`,
    [role, POWERS, [SERIES, ...tables].map(of)],
  );
  if (isSuper) refuse("it is a superuser, or a member of one, whom nothing restricts");
  if (owners) refuse(`it is, or is a member of, the owner of the tables (${owners}): take another role`);
  if (bypass && !mayReadAll) refuse("it has BYPASSRLS, or is a member of a role that has: ALTER ROLE … NOBYPASSRLS");
  if (powers) refuse(`it is a member of ${powers}: REVOKE that`);
  const base = [SERIES, ...tables];
  const forbidden = way === "views" ? [...base, ...views, ...hidden] : hidden;
  const { rows: [{ reads, writes }] } = await client.query(
    `WITH RECURSIVE held AS (
  SELECT oid FROM pg_roles WHERE rolname = $1
  UNION SELECT roleid FROM pg_auth_members JOIN held ON member = held.oid
)
SELECT (SELECT string_agg(DISTINCT name, ', ') FROM held, unnest($2::text[]) AS name
    WHERE has_any_column_privilege(held.oid, $5 || '.' || name, 'SELECT')) AS reads,
  (SELECT string_agg(DISTINCT right_ || ' on ' || name, ', ') FROM held, unnest($3::text[]) AS name, unnest($4::text[]) AS right_
    WHERE has_table_privilege(held.oid, $5 || '.' || name, right_)) AS writes`,
    [role, forbidden, [...base, ...views], WRITES, quotedSchema],
  );
  if (writes) refuse(`it has ${writes}, itself or by a membership or PUBLIC: REVOKE that`);
  if (reads && !mayReadAll) refuse(`it may read ${reads}, itself or by a membership or PUBLIC: REVOKE that`);
}
