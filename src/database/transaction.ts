/**
 * Transactions on a connection.
 *
 * @module
 */
import type { Client } from "pg";

/** How a transaction begins: each statement sees what is committed then, or all see one snapshot. */
const BEGIN = {
  writing: "BEGIN ISOLATION LEVEL READ COMMITTED",
  snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
} as const;

/** Runs `fn` in a transaction, which is rolled back if `fn` or the commit fails. */
export async function inTransaction<T>(
  client: Client,
  fn: () => Promise<T>,
  begin: keyof typeof BEGIN = "writing",
): Promise<T> {
  await client.query(BEGIN[begin]);
  try {
    const result = await fn();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}
