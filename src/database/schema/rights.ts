/**
 * The rights that a role needs to write records, on each relation: a run checks them at its start, `migrate --grant`
 * grants them, and the advice about a missing right names them.
 *
 * @module
 */
import type { Client } from "pg";
import { recordKind } from "../../records/mod.ts";
import { FatalError } from "../faults.ts";
import { literal, type Names } from "../names.ts";
import { rightsOn } from "./advice.ts";
import { relations } from "./description.ts";

/** The statements that grant a role all rights needed to write records of every kind; names must be quoted. */
function grantStatements({ quotedSchema, of }: Names, sequence: string, role: string): string[] {
  const statements = [
    `GRANT USAGE ON SCHEMA ${quotedSchema} TO ${role}`,
    // The sequence has to be corrected if it is behind its table.
    `GRANT SELECT, UPDATE ON SEQUENCE ${sequence} TO ${role}`,
  ];
  for (const { name } of relations) {
    const rights = rightsOn(name);
    if (rights.length > 0) statements.push(`GRANT ${rights.join(", ")} ON ${of(name)} TO ${role}`);
  }
  return statements;
}

/**
 * Grants a role all rights needed to write records of every kind.
 *
 * @throws {Error} If the role does not exist, or the user is not the owner of the tables.
 */
export async function grantRights(client: Client, names: Names, role: string): Promise<void> {
  const { rows } = await client.query("SELECT quote_ident(r.rolname) AS role FROM pg_roles r WHERE r.rolname = $1", [
    role,
  ]);
  if (rows.length === 0) {
    throw new FatalError(
      `Cannot find the role "${role}". Create it first: CREATE ROLE "${role}" LOGIN PASSWORD '…'`,
    );
  }
  const { rows: [{ sequence }] } = await client.query(
    `SELECT pg_get_serial_sequence(${literal(names.of("series_key"))}, 'id') AS sequence`,
  );
  await client.query(grantStatements(names, sequence, rows[0].role).join("; "));
}

/** Missing rights, and the statements that grant them; both are empty if nothing is missing. */
export interface MissingRights {
  readonly role: string;
  readonly statements: readonly string[];
}

const MISSING = `SELECT needed.name, needed.right
FROM unnest($1::text[], $2::text[]) AS needed (name, "right")
JOIN pg_class c ON c.relname = needed.name JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $3
WHERE NOT has_table_privilege(c.oid, needed.right)`;

/** How a run uses the database. */
export interface Uses {
  /** Kinds of the records that it writes. */
  readonly kinds?: readonly string[];
  /** Whether it stores coverage, and notes its reads of history. */
  readonly coverage?: boolean;
  /** Whether it distributes shards. */
  readonly leases?: boolean;
  /** Whether it records loads of files. */
  readonly loads?: boolean;
}

/** The relations that such a run reads and writes. */
function relationsOf({ kinds = [], coverage, leases, loads }: Uses): string[] {
  return [
    "barline_migration",
    ...(kinds.length > 0 ? ["barline_destination", "series_key", "series"] : []),
    ...kinds.map((kind) => recordKind(kind).table),
    ...(kinds.includes("bar") ? ["stream_log", "stream_trim"] : []),
    ...(coverage ? ["series_coverage", "series_doubt", "history_read"] : []),
    ...(leases ? ["cluster_instance", "cluster_lease"] : []),
    ...(loads ? ["load", "load_time", "load_series", "load_replaced"] : []),
  ];
}

/** The rights that the user lacks for these uses. */
export async function findMissingRights(
  client: Client,
  { schema, of }: Names,
  uses: Uses,
): Promise<MissingRights> {
  const used = relationsOf(uses);
  const needed = used.flatMap((name) => rightsOn(name).map((right) => ({ name, right })));
  const { rows } = await client.query(MISSING, [
    needed.map(({ name }) => name),
    needed.map(({ right }) => right),
    schema,
  ]);
  const { rows: [{ role, quoted }] } = await client.query(
    "SELECT current_user AS role, quote_ident(current_user) AS quoted",
  );
  const lacks = (name: string, right: string) => rows.some((row) => row.name === name && row.right === right);
  const statements = used.flatMap((name) => {
    const rights = rightsOn(name).filter((right) => lacks(name, right));
    return rights.length === 0 ? [] : [`GRANT ${rights.join(", ")} ON ${of(name)} TO ${quoted}`];
  });
  return { role, statements };
}
