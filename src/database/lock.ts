/**
 * The lock for changes of the schema.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "./names.ts";

/**
 * Waits until no other process changes the schema, and keeps others from it until the transaction ends. It locks a
 * table that writers and readers may only read, so that no role without its owner's rights can take the lock.
 */
export async function lockSchema(client: Client, { of }: Names): Promise<void> {
  await client.query(`LOCK TABLE ${of("barline_migration")} IN SHARE ROW EXCLUSIVE MODE`);
}
