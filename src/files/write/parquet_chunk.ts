/**
 * Columns of numbers without absent ones: their bytes in memory are those of a page. The package would look at each value
 * several times, at times as BigInt, and take more processor time than all other parts of an export.
 *
 * @module
 */
import type { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";

/** Numbers that are all there. */
export type PlainValues = Float64Array | BigInt64Array;

type ColumnChunk = ParquetWriter["row_groups"][number]["columns"][number];
type Codec = NonNullable<ColumnChunk["meta_data"]>["codec"];

/** Options of {@linkcode writePlainChunk}. */
export interface ChunkOptions {
  readonly writer: ByteWriter;
  readonly name: string;
  /** Whether values of the column may be absent: here all are there. */
  readonly isOptional: boolean;
  readonly codec: Codec;
  /** Absent where pages are not compressed. */
  readonly compress?: (bytes: Uint8Array) => Uint8Array;
}

/** Writes a column of a group of rows as one page, and gives its metadata. */
export function writePlainChunk(
  { writer, name, isOptional, codec, compress }: ChunkOptions,
  values: PlainValues,
): ColumnChunk {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = compress?.(raw) ?? raw;
  const levels = isOptional ? levelsOf(values.length) : new Uint8Array(0);
  const start = writer.offset;
  const isTimes = values instanceof BigInt64Array;
  writePageHeader(writer, {
    type: "DATA_PAGE_V2",
    uncompressed_page_size: levels.length + raw.length,
    compressed_page_size: levels.length + bytes.length,
    data_page_header_v2: {
      num_values: values.length,
      num_nulls: 0,
      num_rows: values.length,
      encoding: "PLAIN",
      definition_levels_byte_length: levels.length,
      repetition_levels_byte_length: 0,
      is_compressed: compress !== undefined,
    },
  });
  const headerBytes = writer.offset - start;
  writer.appendBytes(levels);
  writer.appendBytes(bytes);
  const [min, max] = isTimes ? boundsOfTimes(values) : boundsOf(values);
  return {
    meta_data: {
      type: isTimes ? "INT64" : "DOUBLE",
      encodings: ["PLAIN"],
      path_in_schema: [name],
      codec,
      num_values: BigInt(values.length),
      total_compressed_size: BigInt(writer.offset - start),
      total_uncompressed_size: BigInt(headerBytes + levels.length + raw.length),
      data_page_offset: BigInt(start),
      statistics: { min_value: min, max_value: max, null_count: 0n },
      encoding_stats: [{ page_type: "DATA_PAGE_V2", encoding: "PLAIN", count: 1 }],
    },
    file_offset: BigInt(start),
  };
}

/** Levels of values that are all there: one run of 1, its length doubled as a variable-length integer. */
function levelsOf(count: number): Uint8Array {
  const bytes: number[] = [];
  let rest = count * 2;
  for (; rest > 127; rest >>>= 7) bytes.push(rest & 127 | 128);
  return Uint8Array.from([...bytes, rest, 1]);
}

/** The least and the greatest number; none where one is NaN. The format wants -0 as the least and 0 as the greatest zero. */
function boundsOf(values: Float64Array): [number | undefined, number | undefined] {
  let [min, max] = [Infinity, -Infinity];
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (value !== value) return [undefined, undefined];
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return [min === 0 ? -0 : min, max === 0 ? 0 : max];
}

/** The same of times, which are compared in halves: a BigInt is made of two alone. */
function boundsOfTimes(values: BigInt64Array): [bigint, bigint] {
  const low = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const high = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const isLess = (one: number, other: number) =>
    high[2 * one + 1] < high[2 * other + 1] ||
    high[2 * one + 1] === high[2 * other + 1] && low[2 * one] < low[2 * other];
  let [min, max] = [0, 0];
  for (let at = 1; at < values.length; at++) {
    if (isLess(at, min)) min = at;
    else if (isLess(max, at)) max = at;
  }
  return [values[min], values[max]];
}
