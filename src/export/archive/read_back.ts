/**
 * Reads a file of the archive back: only rows that were read again may be dropped from the database.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { countParquetRows } from "../../files/container/parquet.ts";
import { writeAll } from "../../storage/durable_files.ts";
import type { ManifestFile } from "../manifest.ts";
import type { ExportPlace } from "../place.ts";

/**
 * Reads every byte and every row of a file.
 *
 * @throws {Error} If the file is missing, has another SHA-256 or another number of rows, or cannot be read.
 */
export async function readBack(
  place: ExportPlace,
  file: Pick<ManifestFile, "path" | "rows" | "sha256">,
): Promise<void> {
  const refuse = (why: string) => new Error(`Cannot verify "${file.path}" in ${place.label}: ${why}`);
  const stream = await place.open(file.path);
  if (stream === undefined) throw refuse("it is missing");
  const copy = await Deno.makeTempFile({ prefix: "barline-archive-" });
  try {
    const hash = createHash("sha256");
    {
      using opened = await Deno.open(copy, { write: true });
      for await (const chunk of stream) {
        hash.update(chunk);
        await writeAll(opened, chunk);
      }
    }
    const sha256 = hash.digest("hex");
    if (sha256 !== file.sha256) throw refuse(`its SHA-256 is ${sha256}, expected ${file.sha256}`);
    const rows = await countParquetRows(copy);
    if (rows !== file.rows) throw refuse(`it has ${rows} rows, expected ${file.rows}`);
  } finally {
    await Deno.remove(copy);
  }
}
