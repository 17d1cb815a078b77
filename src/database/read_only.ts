/**
 * Databases that take no writes, and the reason.
 *
 * @module
 */
import type { Client } from "pg";
import { FatalError } from "./faults.ts";
import { identifier } from "./names.ts";

/** Why a database takes no writes. */
export interface ReadOnly {
  /** The reason, and what to do about it. */
  readonly message: string;
  /**
   * Whether it stays so until an operator changes it. A standby may be promoted, and a closed server reopened, without
   * one.
   */
  readonly isPermanent: boolean;
}

const STATE = `SELECT current_user AS role, current_database() AS database, pg_is_in_recovery() AS standby,
  current_setting('transaction_read_only') = 'on' AS read_only,
  (SELECT s.source FROM pg_settings s WHERE s.name = 'default_transaction_read_only') AS source`;

/** Reads whether the database takes writes; `undefined` if it does. */
export async function readReadOnly(client: Client): Promise<ReadOnly | undefined> {
  const { rows: [{ role, database, standby, read_only, source }] } = await client.query(STATE);
  if (standby) {
    return {
      message: "The server is a hot standby, which can only be read: name the primary, or both hosts",
      isPermanent: false,
    };
  }
  if (!read_only) return undefined;
  const [user, there] = [identifier(role), `DATABASE ${identifier(database)}`];
  const places: Readonly<Record<string, string>> = {
    user: `ROLE ${user} RESET`,
    "database user": `ROLE ${user} IN ${there} RESET`,
    database: `${there} RESET`,
  };
  const place = places[source];
  return {
    message: `The user "${role}" may only read: ALTER ${place ?? "SYSTEM RESET"} default_transaction_read_only` +
      (place === undefined ? ", unless the server is closed to writes for a reason, such as a full disk" : ""),
    isPermanent: place !== undefined,
  };
}

/**
 * Refuses a database that takes no writes because of a setting of the user or the database, and one behind a pooler
 * that allows no transactions.
 *
 * @throws {FatalError} If it takes no writes; the message says what to do.
 */
export async function refuseReadOnly(client: Client): Promise<void> {
  // In a transaction like every write, which some poolers refuse.
  await client.query("BEGIN");
  const found = await readReadOnly(client);
  await client.query("COMMIT");
  if (found?.isPermanent) throw new FatalError(found.message);
}
