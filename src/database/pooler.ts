/**
 * Distinguishes a connection pooler, such as PgBouncer, from a server.
 *
 * @module
 */
import type { Client } from "pg";

/**
 * Whether a pooler stands between client and server, which may pass the session on to other clients. A server sends
 * each client the number of its process at connecting; a pooler sends one of its own.
 */
export async function isPooled(client: Client): Promise<boolean> {
  const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
  return rows[0].pid !== processOf(client);
}

/** The process number that the server sent when the client connected. */
export function processOf(client: Client): number {
  return (client as unknown as { processID: number }).processID;
}
