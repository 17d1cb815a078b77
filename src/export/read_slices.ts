/**
 * Reads rows in slices, each a statement that begins after the last key of the one before: for databases without COPY,
 * and shared readers.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "../database/names.ts";
import type { Batch } from "../files/write/batch.ts";
import type { TextRow } from "../files/write/column.ts";
import type { RecordKind } from "../records/kind.ts";
import { BATCH_ROWS, type BatchBuilder } from "./batches.ts";
import type { RowChoice } from "./choice.ts";

/** Rows of a slice. */
const SLICE_ROWS = 5000;

/** Yields the rows of each series in the order of its keys, in batches. */
export async function* readBySlices(
  client: Client,
  { of }: Names,
  kind: RecordKind,
  { ids, first, end }: RowChoice,
  columns: readonly string[],
  batch: BatchBuilder,
): AsyncGenerator<Batch> {
  const keys = kind.keyColumns.map((name) => `r.${name}`).join(", ");
  const selected = ["r.series_id", ...columns.map((name) => `r.${name}`), keys].join(", ");
  const after = kind.keyColumns.map((_, at) => `$${at + 4}`).join(", ");
  const range = "r.series_id = $1 AND r.ts >= $2 AND r.ts < $3";
  const types = { getTypeParser: () => (value: string) => value };
  for (const id of ids) {
    let last: TextRow | undefined;
    do {
      const { rows }: { rows: TextRow[] } = await client.query({
        text: `SELECT ${selected} FROM ${of(kind.table)} r WHERE ${range}${
          last === undefined ? "" : ` AND (${keys}) > (${after})`
        } ORDER BY ${keys} LIMIT ${SLICE_ROWS}`,
        values: [id, first, end, ...last ?? []],
        rowMode: "array",
        types,
      });
      for (const row of rows) {
        batch.addTexts(row);
        if (batch.count >= BATCH_ROWS) yield batch.take();
      }
      last = rows.length < SLICE_ROWS ? undefined : rows.at(-1)!.slice(-kind.keyColumns.length);
    } while (last !== undefined);
  }
  if (batch.count > 0) yield batch.take();
}
