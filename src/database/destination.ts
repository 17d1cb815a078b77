/**
 * Identifies the database that a reader's position belongs to.
 *
 * A position says that everything before it is stored. That holds only for the database in which it was stored, and
 * only until that database loses rows: after a restore, a failover to a server that lacked the last commits, or a
 * change to another database, the rows may be missing.
 *
 * @module
 */
import type { Client } from "pg";
import { sqlState } from "./faults.ts";
import { literal, type Names } from "./names.ts";

/** Facts that distinguish a database from any other, and from itself before a restore. */
export interface Destination {
  /** Assigned by the first migration; a copy of the database has the same. */
  readonly id: string;
  /** Identifier of the server's data directory. */
  readonly system?: string | null;
  /** OIDs of the database and of its table of bars; a restored dump has others. */
  readonly database?: string;
  readonly table?: string;
  /** Changes when a standby is promoted, and after a recovery to a point in time. */
  readonly timeline?: string | null;
  /** Bytes of WAL that the server has written. A restored snapshot of its disk has fewer. */
  readonly wal?: string | null;
  /** When a load of files was last undone, which removes stored rows. */
  readonly undone?: string | null;
}

// A server in recovery takes no writes, and cannot report its WAL position with this function.
const place = ({ of }: Names) =>
  `(SELECT d.oid::text FROM pg_database d WHERE d.datname = current_database()) AS database,
  ${literal(of("bar"))}::regclass::oid::text AS "table",
  CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline,
  CASE WHEN NOT pg_is_in_recovery() THEN (pg_current_wal_lsn() - '0/0')::text END AS wal`;
const readQuery = (names: Names) =>
  `SELECT (SELECT d.id::text FROM ${names.of("barline_destination")} d) AS id,
  (SELECT c.system_identifier::text FROM pg_control_system() c) AS system,
  (SELECT max(l.undo_began_at)::text FROM ${names.of("load")} l) AS undone,
  ${place(names)}`;
/** The query for a role that may not read the rest. */
const placeQuery = (names: Names) =>
  `SELECT 'unknown' AS id, NULL AS system,
  ${place(names)}`;
const INSUFFICIENT_PRIVILEGE = "42501";

/** Reads the identity of the database, and its position in the WAL. */
export async function readDestination(client: Client, names: Names): Promise<Destination> {
  try {
    return (await client.query(readQuery(names))).rows[0];
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    return (await client.query(placeQuery(names))).rows[0];
  }
}

/** Each part in words, for the message of a difference. */
const PARTS = {
  id: "another database",
  system: "another server",
  database: "a database created again",
  table: "a table of bars created again, as by a restore",
  timeline: "a server that was promoted or recovered meanwhile",
} as const;

/** Why rows stored before may be missing now, in words; `undefined` if none can be. */
export function findDifference(before: Destination, now: Destination): string | undefined {
  for (const part of Object.keys(PARTS) as (keyof typeof PARTS)[]) {
    if (before[part] !== now[part]) return PARTS[part];
  }
  if (BigInt(now.wal ?? 0) < BigInt(before.wal ?? 0)) return "an earlier state of the server, as by a snapshot";
}

/** The same for positions in files, whose load may also have been undone since. */
export function findLoss(before: Destination, now: Destination): string | undefined {
  const difference = findDifference(before, now);
  if (difference !== undefined) return difference;
  return (before.undone ?? null) === (now.undone ?? null) ? undefined : "a database in which a load was undone since";
}
