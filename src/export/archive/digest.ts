/**
 * Digests of rows by the database, in any order: the same rows have the same digest before they are archived and while they
 * are deleted.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "../../database/names.ts";
import { digestColumns, type RowDigest } from "../../database/row_digest.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { RowChoice } from "../choice.ts";

const isIn = (row: string) => `${row}.series_id = ANY ($1::int4[]) AND ${row}.ts >= $2 AND ${row}.ts < $3`;
const parametersOf = ({ ids, first, end }: RowChoice) => [ids, first, end];

/**
 * Runs `fn` in a transaction for rows of the archive: the texts of values, and thus digests, depend on its settings. Commits
 * if `isDone` is true of the result, else rolls back.
 */
export async function inArchiving<T>(
  client: Client,
  isolation: "REPEATABLE READ" | "READ COMMITTED",
  fn: () => Promise<T>,
  isDone: (result: T) => boolean = () => false,
): Promise<T> {
  await client.query(`BEGIN ISOLATION LEVEL ${isolation}; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO';
SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '10s'; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off`);
  try {
    const result = await fn();
    await client.query(isDone(result) ? "COMMIT" : "ROLLBACK");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

const rowOf = ({ columns }: RecordKind, row: string) =>
  `ROW(${["series_id", ...columns.map(({ name }) => name)].map((name) => `${row}.${name}`).join(", ")})`;

/** The digest of existing rows. */
export async function digestRows(
  client: Client,
  { of }: Names,
  kind: RecordKind,
  choice: RowChoice,
): Promise<RowDigest> {
  const { rows } = await client.query({
    text: `SELECT ${digestColumns(rowOf(kind, "r"))} FROM ${of(kind.table)} r WHERE ${isIn("r")}`,
    values: parametersOf(choice),
    ...LONG,
  });
  return rows[0];
}

/** Deletes rows, and returns the digest of the deleted ones. */
export async function deleteRows(
  client: Client,
  { of }: Names,
  kind: RecordKind,
  choice: RowChoice,
): Promise<RowDigest> {
  const { rows } = await client.query({
    text: `WITH gone AS (DELETE FROM ${of(kind.table)} AS r WHERE ${isIn("r")} RETURNING ${
      rowOf(kind, "r")
    }::text AS row) SELECT ${digestColumns("gone.row")} FROM gone`,
    values: parametersOf(choice),
    ...LONG,
  });
  return rows[0];
}

/** The driver's limit for statements that read a day of rows, in milliseconds. */
const LONG = { query_timeout: 3_600_000 };
