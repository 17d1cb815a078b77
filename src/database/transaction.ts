/**
 * Transactions on a connection.
 *
 * @module
 */
import type { Client } from "pg";

/** Runs `fn` in a transaction, which is rolled back if `fn` or the commit fails. */
export async function inTransaction<T>(client: Client, fn: () => Promise<T>): Promise<T> {
  await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  try {
    const result = await fn();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}
