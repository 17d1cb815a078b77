/**
 * Tables as Parquet.
 *
 * @module
 */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { type OutputColumn, type TableWriter, type TextRow, valueOf, type WriteBytes } from "./column.ts";

/** Rows of a group, which are in memory together. */
const GROUP_ROWS = 100_000;

/** Writes Parquet; one group of rows is in memory at a time. The file is complete after `end`. */
export function writeParquet(columns: readonly OutputColumn[], write: WriteBytes): TableWriter {
  const sink = new ByteWriter();
  const writer = new ParquetWriter({
    writer: sink,
    schema: [{ name: "root", num_children: columns.length }, ...columns.map(elementOf)],
    codec: "SNAPPY",
  });
  let held: TextRow[] = [];

  /** Passes on the bytes in the writer's buffer, and empties it. */
  async function drain(): Promise<void> {
    const bytes = sink.getBytes().slice();
    sink.index = 0;
    await write(bytes);
  }

  async function flush(): Promise<void> {
    const rows = held;
    held = [];
    writer.write({
      columnData: columns.map((column, at) => ({
        name: column.name,
        data: rows.map((row) => valueOf(row[at], column)),
      })),
      rowGroupSize: GROUP_ROWS,
    });
    await drain();
  }

  return {
    async write(rows) {
      for (const row of rows) held.push(row);
      if (held.length >= GROUP_ROWS) await flush();
    },
    async end() {
      if (held.length > 0) await flush();
      writer.finish();
      await drain();
    },
  };
}

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];

const PARQUET: Readonly<Record<OutputColumn["type"], Omit<SchemaElement, "name">>> = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  json: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  double: { type: "DOUBLE" },
  int32: { type: "INT32" },
  int64: { type: "INT64" },
  boolean: { type: "BOOLEAN" },
  time: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  },
};

const elementOf = ({ name, type }: OutputColumn): SchemaElement => ({
  name,
  repetition_type: "OPTIONAL",
  ...PARQUET[type],
});
