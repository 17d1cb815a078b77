/**
 * Checks the server for the oldest supported version.
 *
 * @module
 */
import type { Client } from "pg";
import { FatalError } from "./faults.ts";

/** PostgreSQL 14 has `date_bin` and `idle_session_timeout`. */
const OLDEST = 14;

/**
 * Checks that the server is not too old.
 *
 * @throws {FatalError} If it is older.
 */
export async function checkServerVersion(client: Client): Promise<void> {
  const { rows: [{ number, name }] } = await client.query(
    "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name",
  );
  if (number >= OLDEST * 10_000) return;
  throw new FatalError(
    `Cannot use PostgreSQL ${name}: expected ${OLDEST} or newer. Upgrade the server, or name another`,
  );
}
