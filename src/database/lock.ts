/**
 * The lock of whoever changes the schema.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "./names.ts";

/**
 * Waits until nobody else changes the schema, and keeps others from it until the transaction ends. The lock is one on a table
 * that writers and readers may only read, so that nobody without the rights of its owner can take it.
 */
export async function lockSchema(client: Client, { of }: Names): Promise<void> {
  await client.query(`LOCK TABLE ${of("barline_migration")} IN SHARE ROW EXCLUSIVE MODE`);
}
