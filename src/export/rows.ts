/**
 * Finds and reads the rows of an export.
 *
 * @module
 */
import type { Client } from "pg";
import { literal, type Names } from "../database/names.ts";
import type { ChosenSeries } from "../database/series_rows.ts";
import type { Batch } from "../files/write/batch.ts";
import type { RecordKind } from "../records/kind.ts";
import { createBatchBuilder, rawColumns } from "./batches.ts";
import type { ExportColumn } from "./columns.ts";
import type { RowChoice } from "./choice.ts";
import { readByCopy } from "./read_copy.ts";
import { readBySlices } from "./read_slices.ts";

/** A connection for an export. */
export interface ExportSession {
  readonly client: Client;
  readonly names: Names;
  /** Whether the database takes binary COPY. */
  readonly supportsCopy: boolean;
}

/** Reads rows of a kind. */
export interface RowReader {
  /** The rows of each series in order of time; a batch is valid until the next one is requested. */
  read(choice: RowChoice): AsyncGenerator<Batch>;
}

/** Sets up a connection: read-only, with times in UTC, and indexes instead of sorting. */
export async function setUpSession(client: Client): Promise<void> {
  await client.query(`SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 1;
SET default_transaction_read_only = on; SET statement_timeout = 0; SET enable_seqscan = off; SET enable_bitmapscan = off`);
}

/** Creates the reader of some series. */
export function createRowReader(
  { client, names, supportsCopy }: ExportSession,
  kind: RecordKind,
  columns: readonly ExportColumn[],
  series: readonly ChosenSeries[],
): RowReader {
  const batch = createBatchBuilder(kind, columns, new Map(series.map((each) => [each.id, each])));
  const raw = rawColumns(kind, columns);
  return {
    read: (choice) =>
      supportsCopy
        ? readByCopy(client, copyOf(names, kind, raw, choice), batch)
        : readBySlices(client, names, kind, choice, raw, batch),
  };
}

/** The COPY of rows: one walk through the index for each series, so that nothing is sorted. */
function copyOf({ of }: Names, kind: RecordKind, columns: readonly string[], { ids, first, end }: RowChoice): string {
  const selected = ["series_id", ...columns].map((name) => `r.${name}`).join(", ");
  const order = kind.keyColumns.map((name) => `b.${name}`).join(", ");
  return `COPY (
  SELECT ${selected} FROM unnest('{${ids.join(",")}}'::int4[]) AS s (id) CROSS JOIN LATERAL (
    SELECT b.* FROM ${of(kind.table)} b
    WHERE b.series_id = s.id AND b.ts >= ${literal(first)}::timestamptz AND b.ts < ${
    literal(end)
  }::timestamptz ORDER BY ${order}
  ) AS r
) TO STDOUT (FORMAT binary)`;
}

/** Times of the first and the last row of some series from a time on and before another; `undefined` without any row. */
export async function findBounds(
  { client, names: { of } }: ExportSession,
  kind: RecordKind,
  { ids, first, end }: RowChoice,
): Promise<{ first: number; last: number } | undefined> {
  const one = (order: string) =>
    `CROSS JOIN LATERAL (SELECT r.ts FROM ${
      of(kind.table)
    } r WHERE r.series_id = s.id AND r.ts >= $2 AND r.ts < $3 ORDER BY r.ts ${order} LIMIT 1)`;
  const { rows: [found] } = await client.query(
    `SELECT floor(extract(epoch FROM min(f.ts)) * 1000)::float8 AS first,
  floor(extract(epoch FROM max(l.ts)) * 1000)::float8 AS last
FROM unnest($1::int4[]) AS s (id) ${one("ASC")} AS f ${one("DESC")} AS l`,
    [ids, first, end],
  );
  return found.first === null ? undefined : found;
}

/** The series with rows in the range, in their order. */
export async function findPresent(
  { client, names: { of } }: ExportSession,
  kind: RecordKind,
  { ids, first, end }: RowChoice,
): Promise<number[]> {
  const { rows } = await client.query(
    `SELECT s.id FROM unnest($1::int4[]) WITH ORDINALITY AS s (id, place) CROSS JOIN LATERAL (
  SELECT r.ts FROM ${of(kind.table)} r WHERE r.series_id = s.id AND r.ts >= $2 AND r.ts < $3 LIMIT 1
) AS f ORDER BY s.place`,
    [ids, first, end],
  );
  return rows.map(({ id }) => id);
}
