/**
 * Exported rows as columns of values: from a reader of the database to a writer of files.
 *
 * @module
 */
import type { WriteBytes } from "./column.ts";

/** Type of a column: `time` is in microseconds since 1970 in UTC, `date` in days since 1970, `json` is its text. */
export type BatchType = "text" | "json" | "double" | "int32" | "time" | "date";

/** A column. */
export interface BatchColumn {
  readonly name: string;
  readonly type: BatchType;
  /** Whether values may be absent. */
  readonly optional: boolean;
}

/** Values of a column that may be absent. */
export type OptionalValues = (string | number | bigint | null)[];
/** Values of a column: an array of numbers if none is absent, otherwise an array with `null`. */
export type Values = Float64Array | Int32Array | BigInt64Array | OptionalValues;

/** Some rows. Valid until the reader is asked for more. */
export interface Batch {
  readonly count: number;
  /** Values by column, each of {@linkcode Batch.count}. */
  readonly columns: readonly Values[];
}

/** Writes batches in a format. */
export interface BatchWriter {
  write(batch: Batch): Promise<void>;
  /** Writes the rows still held, and the end of the file. */
  end(): Promise<void>;
}

/** Creates the writer of a format. */
export type CreateBatchWriter = (columns: readonly BatchColumn[], write: WriteBytes) => BatchWriter;

/** Room for the values of a column. */
export function makeValues({ type, optional }: BatchColumn, room: number): Values {
  if (optional || type === "text" || type === "json") return new Array(room).fill(null);
  if (type === "double") return new Float64Array(room);
  return type === "time" ? new BigInt64Array(room) : new Int32Array(room);
}

/** The first rows of a batch with room for more. */
export function firstRows(columns: readonly Values[], count: number): Batch {
  return {
    count,
    columns: columns.map((values) =>
      values.length === count ? values : Array.isArray(values) ? values.slice(0, count) : values.subarray(0, count)
    ),
  };
}
