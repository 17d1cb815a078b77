/**
 * Finds deletions of bars that fire no trigger: dropped chunks and partitions. The coverage of their bars is moved into
 * doubt. Rows before the first chunk or partition were dropped on purpose; their coverage is removed.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "./names.ts";

/** Compares the chunks or partitions of the bars with those of the last comparison. */
export async function takeUpDeletions(client: Client, { of }: Names): Promise<void> {
  await client.query(`SELECT ${of("compare_bar_parts")}()`);
}
