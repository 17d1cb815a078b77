/**
 * Knowing a connection pooler, such as PgBouncer, from a server.
 *
 * @module
 */
import type { Client } from "pg";

/**
 * Whether somebody stands between the client and the server who may give the session to others. A server tells each client
 * the number of its process when it connects; a pooler tells one of its own.
 */
export async function isPooled(client: Client): Promise<boolean> {
  const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
  return rows[0].pid !== processOf(client);
}

/** The server's process behind a connection, as it was told when the client connected. */
export function processOf(client: Client): number {
  return (client as unknown as { processID: number }).processID;
}
