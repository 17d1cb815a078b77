/**
 * Reads Arrow IPC files, Feather included, as lines of CSV.
 *
 * @module
 */
import { cell, isoOf } from "./parquet.ts";

/** Largest file that is read, as all of it is in memory at once. */
const MAX_BYTES = 2 ** 31;
/** Most bytes of an unpacked column. */
const MAX_BUFFER_BYTES = 2 ** 28;
/** Most rows: each takes at least a byte. */
const MAX_ROWS = MAX_BYTES;
const NS_PER_UNIT = [1_000_000_000n, 1_000_000n, 1000n, 1n];

/** Whether the bytes begin like an Arrow file. */
export const isArrow = (head: Uint8Array): boolean => String.fromCharCode(...head.subarray(0, 6)) === "ARROW1";

/** Whether they begin like the first version of Feather, which is another format. */
export const isOldFeather = (head: Uint8Array): boolean => String.fromCharCode(...head.subarray(0, 4)) === "FEA1";

/**
 * Gives the rows as lines, the names of the columns first.
 *
 * @throws {RangeError} If the file is not valid, or is packed in an unsupported way.
 */
export async function* arrowLines(path: string): AsyncGenerator<string> {
  const { size } = Deno.statSync(path);
  if (size > MAX_BYTES) {
    throw new RangeError(`its size is ${size} bytes, expected at most ${MAX_BYTES} of Arrow: use Parquet`);
  }
  const { CompressionType, setCompressionCodec, tableFromIPC } = await import("@uwdata/flechette");
  const { zstdDecompressSync } = await import("node:zlib");
  setCompressionCodec(CompressionType.ZSTD, {
    encode: () => {
      throw new RangeError("nothing is written as Arrow");
    },
    decode: (bytes: Uint8Array) => new Uint8Array(zstdDecompressSync(bytes, { maxOutputLength: MAX_BUFFER_BYTES })),
  });
  let table: ReturnType<typeof tableFromIPC>;
  try {
    table = tableFromIPC(await Deno.readFile(path), { useBigInt: true, useBigIntTimestamp: true });
  } catch (error) {
    const { message } = error as Error;
    throw new RangeError(
      /codec|compress|lz4/i.test(message)
        ? `it is packed with LZ4, which cannot be read: write it with compression "zstd" or "uncompressed", or as Parquet`
        : `it is not valid Arrow, or is incomplete: ${message}`,
      { cause: error },
    );
  }
  const fields: readonly { name: string; type: unknown }[] = table.schema.fields;
  yield fields.map(({ name }) => cell(name === "__index_level_0__" ? "index" : name)).join(",");
  const columns = fields.map(({ name, type }) => ({
    values: table.getChild(name)! as { at(row: number): unknown },
    type: type as ArrowType,
  }));
  if (table.numRows > MAX_ROWS) throw new RangeError(`it is not valid Arrow: it claims ${table.numRows} rows`);
  for (let row = 0; row < table.numRows; row++) {
    yield columns.map(({ values, type }) => valueOf(values, row, type)).join(",");
  }
}

function valueOf(values: { at(row: number): unknown }, row: number, type: ArrowType): string {
  try {
    return textOf(values.at(row), type);
  } catch (error) {
    throw new RangeError(`cannot read its row ${row + 1}: ${(error as Error).message}`, { cause: error });
  }
}

/** The properties of a type that are read. */
interface ArrowType {
  readonly typeId: number;
  readonly unit?: number;
  readonly timezone?: string | null;
}

const TIMESTAMP = 10;

function textOf(value: unknown, { typeId, unit = 0, timezone }: ArrowType): string {
  if (value === null || value === undefined || typeId !== TIMESTAMP) return cell(value);
  const ns = (value as bigint) * NS_PER_UNIT[unit];
  return timezone ? `${isoOf(ns)}Z` : isoOf(ns);
}
