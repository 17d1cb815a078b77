/**
 * Writes batches as Parquet, a group of rows for each batch.
 *
 * @module
 */
import { constants, zstdCompressSync } from "node:zlib";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { snappyCompress } from "hyparquet-writer/src/snappy.js";
import { writePlainChunk } from "./parquet_chunk.ts";
import type { BatchColumn, BatchType, BatchWriter } from "./batch.ts";
import type { WriteBytes } from "./column.ts";

/** Compressions of pages. */
export const COMPRESSIONS = ["zstd", "snappy", "none"] as const;
/** See {@linkcode COMPRESSIONS}. */
export type Compression = (typeof COMPRESSIONS)[number];

/** Options of {@linkcode writeBatchParquet}. */
export interface ParquetOptions {
  readonly compression: Compression;
  /** Metadata of the file by key. */
  readonly facts?: Readonly<Record<string, string>>;
}

const CODECS = { zstd: "ZSTD", snappy: "SNAPPY", none: "UNCOMPRESSED" } as const;
/** The fastest level: other levels hardly make prices smaller. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const COMPRESSORS = { zstd: (bytes: Uint8Array): Uint8Array => zstdCompressSync(bytes, ZSTD), snappy: snappyCompress };

/**
 * Writes Parquet; the file is complete after `end`. Times are in microseconds, adjusted to UTC. Repetitive values have
 * a dictionary, and each group of rows has its least and greatest values.
 */
export function writeBatchParquet(
  columns: readonly BatchColumn[],
  write: WriteBytes,
  { compression, facts = {} }: ParquetOptions,
): BatchWriter {
  const sink = new ByteWriter();
  const codec = CODECS[compression];
  const compress = compression === "none" ? undefined : COMPRESSORS[compression];
  const writer = new ParquetWriter({
    writer: sink,
    schema: [{ name: "root", num_children: columns.length }, ...columns.map(elementOf)],
    codec,
    compressors: { ZSTD: COMPRESSORS.zstd },
    kvMetadata: Object.entries(facts).map(([key, value]) => ({ key, value })),
    createdBy: "barline",
  });

  /** Passes on the bytes in the writer's buffer, and empties it. */
  async function drain(): Promise<void> {
    const bytes = sink.getBytes().slice();
    sink.index = 0;
    await write(bytes);
  }

  return {
    async write({ count, columns: values }) {
      // Snappy needs the dictionary of the package to make prices small.
      const isPlain = (at: number) =>
        values[at] instanceof BigInt64Array || compression !== "snappy" && values[at] instanceof Float64Array;
      const others = columns.flatMap(({ name }, at) => isPlain(at) ? [] : [{ name, data: values[at] }]);
      writer.write({ columnData: others, rowGroupSize: count });
      const group = writer.row_groups.at(-1)!;
      for (const [at, { name, optional }] of columns.entries()) {
        if (!isPlain(at)) continue;
        const chunk = writePlainChunk(
          { writer: sink, name, isOptional: optional, codec, compress },
          values[at] as BigInt64Array,
        );
        // The metadata keeps the order of the schema.
        group.columns.splice(at, 0, chunk);
        group.total_byte_size += chunk.meta_data!.total_uncompressed_size;
        group.total_compressed_size = (group.total_compressed_size ?? 0n) + chunk.meta_data!.total_compressed_size;
      }
      await drain();
    },
    async end() {
      writer.finish();
      await drain();
    },
  };
}

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];

const PARQUET: Readonly<Record<BatchType, Omit<SchemaElement, "name">>> = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  json: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  double: { type: "DOUBLE" },
  int32: { type: "INT32" },
  date: { type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } },
  time: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  },
};

const elementOf = ({ name, type, optional }: BatchColumn): SchemaElement => ({
  name,
  repetition_type: optional ? "OPTIONAL" : "REQUIRED",
  ...PARQUET[type],
});
