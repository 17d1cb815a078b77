/**
 * Writes the rows of a query to a file or to standard output, in a format.
 *
 * @module
 */
import type { OutputColumn, TableWriter, TextRow, WriteBytes } from "../../files/write/column.ts";
import { writeCsv, writeJson, writeNdjson } from "../../files/write/text.ts";
import { writeAll } from "../../storage/durable_files.ts";
import { beginFile } from "../../storage/pending_file.ts";
import { writeTable } from "./table.ts";

/** Formats of rows. */
export const FORMATS = ["table", "csv", "ndjson", "json", "parquet"] as const;
/** See {@linkcode FORMATS}. */
export type Format = (typeof FORMATS)[number];

/** Receives the rows of statements, one statement after the other. */
export interface Output {
  /** Begins the rows of a statement; one without columns has no rows. */
  begin(columns: readonly OutputColumn[]): Promise<void>;
  write(rows: readonly TextRow[]): Promise<void>;
  /** Ends the rows of the last statement. */
  end(): Promise<void>;
}

/** An output that is kept or discarded. */
export interface OpenedOutput extends Output {
  /** Completes the file: it exists whole, or not at all. */
  commit(): Promise<void>;
  /** Removes the unfinished file. */
  discard(): Promise<void>;
}

/** Opens an output: the file at `path`, or standard output. */
export async function openOutput(format: Format, path?: string): Promise<OpenedOutput> {
  const file = path === undefined ? undefined : await beginFile(path);
  const write: WriteBytes = file?.write ?? ((bytes) => writeAll(Deno.stdout, bytes));
  let writer: TableWriter | undefined;
  return {
    async begin(columns) {
      await writer?.end();
      writer = columns.length === 0 ? undefined : await createWriter(format, columns, write);
    },
    write: (rows) => writer!.write(rows),
    async end() {
      await writer?.end();
      writer = undefined;
    },
    commit: async () => await file?.commit(),
    discard: async () => await file?.discard(),
  };
}

async function createWriter(format: Format, columns: readonly OutputColumn[], write: WriteBytes): Promise<TableWriter> {
  switch (format) {
    case "csv":
      return writeCsv(columns, write);
    case "ndjson":
      return writeNdjson(columns, write);
    case "json":
      return writeJson(columns, write);
    case "parquet":
      return (await import("../../files/write/parquet.ts")).writeParquet(columns, write);
    case "table":
      return writeTable(columns, write);
  }
}
