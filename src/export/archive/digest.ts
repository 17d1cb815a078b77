/**
 * Digests of rows by the database, in any order: the same rows have the same digest before they are archived and while they
 * are deleted.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "../../database/names.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { RowChoice } from "../choice.ts";

/** Count and digest of rows. */
export interface RowDigest {
  readonly count: number;
  readonly digest: string;
}

const SUMS = (row: string) =>
  `count(*)::int AS count, coalesce(bit_xor(hashtextextended(${row}::text, 0)), 0)::text AS digest`;
const isIn = (row: string) => `${row}.series_id = ANY ($1::int4[]) AND ${row}.ts >= $2 AND ${row}.ts < $3`;
const parametersOf = ({ ids, first, end }: RowChoice) => [ids, first, end];

/** Begins a transaction for rows of the archive: the texts of values, and thus digests, depend on these settings. */
export async function beginArchiving(client: Client, isolation: "REPEATABLE READ" | "READ COMMITTED"): Promise<void> {
  await client.query(`BEGIN ISOLATION LEVEL ${isolation}; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO';
SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '10s'; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off`);
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
    text: `SELECT ${SUMS(rowOf(kind, "r"))} FROM ${of(kind.table)} r WHERE ${isIn("r")}`,
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
    }::text AS row) SELECT ${SUMS("gone.row")} FROM gone`,
    values: parametersOf(choice),
    ...LONG,
  });
  return rows[0];
}

/** The driver's limit for statements that read a day of rows, in milliseconds. */
const LONG = { query_timeout: 3_600_000 };
