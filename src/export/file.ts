/**
 * Writes one file of an export, and counts and digests its bytes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { KIND_FACT } from "../files/container/parquet.ts";
import type { Batch, BatchWriter } from "../files/write/batch.ts";
import { isoOfMicroseconds, writeBatchCsv, writeBatchNdjson } from "../files/write/batch_text.ts";
import type { WriteBytes } from "../files/write/column.ts";
import type { ExportColumn } from "./columns.ts";
import type { ExportForm, ManifestFile } from "./manifest.ts";
import type { ExportPlace } from "./place.ts";

/** Counts and digest of a file. */
export type FileFacts = Pick<ManifestFile, "rows" | "bytes" | "sha256" | "first" | "last">;

/** Creates the writer of a format. */
export async function createWriter(
  { format, compression, kind }: ExportForm,
  columns: readonly ExportColumn[],
  write: WriteBytes,
): Promise<BatchWriter> {
  if (format === "csv") return writeBatchCsv(columns, write);
  if (format === "ndjson") return writeBatchNdjson(columns, write);
  const { writeBatchParquet } = await import("../files/write/batch_parquet.ts");
  return writeBatchParquet(columns, write, { compression, facts: { [KIND_FACT]: kind } });
}

/** Writes rows to a file, which is whole in the end; `undefined` without rows, and then without a file. */
export async function writeFile(
  place: ExportPlace,
  path: string,
  form: ExportForm,
  columns: readonly ExportColumn[],
  batches: AsyncIterable<Batch>,
  onRows: (count: number) => void = () => {},
): Promise<FileFacts | undefined> {
  const file = await place.create(path);
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    const writer = await createWriter(form, columns, async (piece) => {
      hash.update(piece);
      bytes += piece.length;
      await file.write(piece);
    });
    const times = createTimes(columns);
    let rows = 0;
    for await (const batch of batches) {
      rows += batch.count;
      times.add(batch);
      await writer.write(batch);
      onRows(batch.count);
    }
    if (rows === 0) {
      await file.discard();
      return undefined;
    }
    await writer.end();
    await file.commit();
    return { rows, bytes, sha256: hash.digest("hex"), ...times.range() };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** Tracks the first and the last time of rows. */
function createTimes(columns: readonly ExportColumn[]) {
  const place = columns.findIndex(({ name }) => name === "ts");
  let [first, last] = [2n ** 63n, -(2n ** 63n)];
  return {
    add({ columns, count }: Batch) {
      const values = columns[place] as BigInt64Array;
      for (let row = 0; row < count; row++) {
        if (values[row] < first) first = values[row];
        if (values[row] > last) last = values[row];
      }
    },
    range: () => ({ first: isoOfMicroseconds(first), last: isoOfMicroseconds(last) }),
  };
}

/** Size and SHA-256 of a file; `undefined` if the file does not exist. */
export async function digestFile(
  place: ExportPlace,
  path: string,
): Promise<{ readonly bytes: number; readonly sha256: string } | undefined> {
  const stream = await place.open(path);
  if (stream === undefined) return undefined;
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}
