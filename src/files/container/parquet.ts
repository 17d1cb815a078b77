/**
 * Reads Parquet as lines, some rows at a time: of CSV, or of JSON where texts may have line breaks.
 *
 * @module
 */
import type { AsyncBuffer, FileMetaData, ParquetParsers } from "hyparquet";

/** Key of the metadata that holds the kind of the records in an export. */
export const KIND_FACT = "barline.kind";
/** Rows in memory at a time. */
const ROWS = 20_000;

/** Whether the bytes begin like Parquet. */
export const isParquet = (head: Uint8Array): boolean => String.fromCharCode(...head.subarray(0, 4)) === "PAR1";

/** Times as text without a zone; columns that are instants get their Z from the schema. */
const parsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (count) => isoOf(BigInt(count) * 1_000_000n),
  timestampFromMicroseconds: (count) => isoOf(BigInt(count) * 1000n),
  timestampFromNanoseconds: (count) => isoOf(BigInt(count)),
  dateFromDays: (days) => new Date(days * 86_400_000).toISOString().slice(0, 10),
};

/** `2024-01-02T09:30:00.000000001`, with as many digits as the time needs. */
export function isoOf(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n - (nanoseconds % 1_000_000_000n < 0n ? 1n : 0n);
  const fraction = nanoseconds - seconds * 1_000_000_000n;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === 0n ? text : `${text}.${String(fraction).padStart(9, "0").replace(/0+$/, "")}`;
}

/** Reads rows, some at a time. */
interface RowSource extends Disposable {
  readonly metadata: FileMetaData;
  rows(): AsyncGenerator<Record<string, unknown>[]>;
}

/** @throws {RangeError} If the file is not valid. */
async function openRows(path: string): Promise<RowSource> {
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  const opened = Deno.openSync(path);
  const file = bufferOf(opened);
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(file, { parsers });
  } catch (error) {
    opened.close();
    throw new RangeError(`it is not valid Parquet, or is incomplete: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return {
    metadata,
    async *rows() {
      const count = Number(metadata.num_rows);
      for (let from = 0; from < count; from += ROWS) {
        let rows: Record<string, unknown>[];
        try {
          const options = {
            file,
            metadata,
            compressors,
            parsers,
            rowStart: from,
            rowEnd: Math.min(count, from + ROWS),
          };
          rows = await parquetReadObjects(options);
        } catch (error) {
          throw new RangeError(`cannot read its rows from ${from + 1} on: ${(error as Error).message}`, {
            cause: error,
          });
        }
        yield rows;
      }
    },
    [Symbol.dispose]: () => opened.close(),
  };
}

/**
 * Reads every row, and returns their number.
 *
 * @throws {RangeError} If the file is not valid, or is packed in an unsupported way.
 */
export async function countParquetRows(path: string): Promise<number> {
  using source = await openRows(path);
  let count = 0;
  for await (const rows of source.rows()) count += rows.length;
  return count;
}

/**
 * Gives the rows as lines, the names of the columns first, or as objects.
 *
 * @throws {RangeError} If the file is not valid, or is packed in an unsupported way.
 */
export async function* parquetLines(path: string): AsyncGenerator<string> {
  using source = await openRows(path);
  const { metadata } = source;
  const columns = metadata.schema.slice(1).filter(({ num_children: children }) => !children).map((element) => ({
    name: element.name,
    isInstant: element.logical_type?.type === "TIMESTAMP" && element.logical_type.isAdjustedToUTC,
  }));
  const isObjects = hasFreeTexts(metadata);
  if (!isObjects) yield columns.map(({ name }) => cell(name === "__index_level_0__" ? "index" : name)).join(",");
  for await (const rows of source.rows()) {
    for (const row of rows) {
      for (const { name, isInstant } of columns) if (isInstant && typeof row[name] === "string") row[name] += "Z";
      yield isObjects ? JSON.stringify(row) : columns.map(({ name }) => cell(row[name])).join(",");
    }
  }
}

/** Whether the file is an export of records whose texts may have line breaks. */
const hasFreeTexts = ({ key_value_metadata: facts = [] }: FileMetaData) =>
  facts.some(({ key, value }) => key === KIND_FACT && value === "news");

/** A value as a field of CSV. */
export function cell(value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const text = value instanceof Date ? value.toISOString() : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""').replaceAll(/[\r\n]/g, " ")}"` : text;
}

function bufferOf(file: Deno.FsFile): AsyncBuffer {
  const byteLength = file.statSync().size;
  return {
    byteLength,
    async slice(start, end = byteLength) {
      if (!(start >= 0 && start <= end && end <= byteLength)) {
        throw new RangeError(`one of its parts lies from ${start} to ${end}, outside its ${byteLength} bytes`);
      }
      const bytes = new Uint8Array(end - start);
      await file.seek(start, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        const count = await file.read(bytes.subarray(at));
        if (count === null) throw new RangeError("it ends in the middle");
        at += count;
      }
      return bytes.buffer;
    },
  };
}
