/**
 * Takes up deletions of bars that fired no trigger of the table, of chunks and partitions: what was known of the bars is in
 * doubt then. Rows before the first chunk or partition were dropped on purpose, and are forgotten.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "./names.ts";

/** Compares the chunks or partitions of the bars with those that were there the last time. */
export async function takeUpDeletions(client: Client, { of }: Names): Promise<void> {
  await client.query(`SELECT ${of("compare_bar_parts")}()`);
}
