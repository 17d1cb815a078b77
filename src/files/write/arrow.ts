/**
 * Writes tables as Arrow IPC files; one batch of rows is in memory at a time.
 *
 * `@uwdata/flechette` writes whole tables only. So each batch is written as a separate stream, and its message is taken
 * from there. The footer is written for the same number of batches of one row, and then gets the real places.
 *
 * @see https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
 * @module
 */
import {
  bool,
  Column,
  columnFromArray,
  float64,
  int32,
  int64,
  tableFromColumns,
  tableToIPC,
  timestamp,
  TimeUnit,
  utf8,
} from "@uwdata/flechette";
import { type OutputColumn, type TableWriter, type TextRow, valueOf, type WriteBytes } from "./column.ts";

/** Rows of a batch in memory. */
const BATCH_ROWS = 100_000;

const MAGIC = new TextEncoder().encode("ARROW1\0\0");
/** The end of a stream: the mark of a message, without a length. */
const END = new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0]);
/** Bytes of a message's mark and length. */
const PREFIX = 8;
/**
 * Bytes of a place in the footer: the begin of a message, the length of its head, padding, and the length of its body.
 */
const PLACE = 24;
/** Number of the field of the footer that lists the places of batches. */
const BATCHES_FIELD = 3;
/** Bytes after the footer: its length, and the mark. */
const TRAILER = 10;

/** The place of a message in the file. */
interface Place {
  readonly offset: number;
  /** Length of its head, with the mark and the length before it. */
  readonly head: number;
  readonly body: number;
}

/** Writes an Arrow file, which is complete after `end`. */
export function writeArrow(columns: readonly OutputColumn[], write: WriteBytes): TableWriter {
  const places: Place[] = [];
  let held: TextRow[] = [];
  let offset = 0;

  async function put(bytes: Uint8Array): Promise<void> {
    await write(bytes);
    offset += bytes.length;
  }

  async function begin(): Promise<void> {
    if (offset > 0) return;
    const stream = encode(columns, [], { format: "stream" });
    await put(MAGIC);
    await put(stream.subarray(0, lengthOfHead(stream)));
  }

  async function flush(): Promise<void> {
    await begin();
    const stream = encode(columns, held, { format: "stream" });
    const schema = lengthOfHead(stream);
    const message = stream.subarray(schema, stream.length - END.length);
    const head = lengthOfHead(message);
    places.push({ offset, head, body: message.length - head });
    held = [];
    await put(message);
  }

  return {
    async write(rows) {
      for (const row of rows) held.push(row);
      if (held.length >= BATCH_ROWS) await flush();
    },
    async end() {
      // Some readers refuse a file without a batch.
      if (held.length > 0 || places.length === 0) await flush();
      await put(END);
      await put(footerOf(columns, places));
    },
  };
}

/** Encodes a batch of the columns with flechette, `times` over. */
function encode(
  columns: readonly OutputColumn[],
  rows: readonly TextRow[],
  { times = 1, format }: { times?: number; format: "stream" | "file" },
): Uint8Array {
  const made = columns.map((column, at): [string, Column<unknown>] => {
    const { built, type } = TYPES[column.type];
    const values = rows.map((row) => valueOf(row[at], column));
    const data = values.length === 0 ? [emptyOf(built())] : columnFromArray(values, built()).data;
    return [column.name, new Column(Array.from({ length: times }, () => data).flat(), type())];
  });
  return tableToIPC(tableFromColumns(made), { format })!;
}

/** A batch without rows, which flechette does not build: its parts in flechette's form. */
const emptyOf = (type: ArrowType) =>
  ({
    type,
    length: 0,
    nullCount: 0,
    validity: new Uint8Array(),
    offsets: Int32Array.of(0),
    values: new Uint8Array(),
  }) as unknown as ArrowBatch;

/** Length of the head of the message at the beginning of the bytes. */
const lengthOfHead = (bytes: Uint8Array) => PREFIX + viewOf(bytes).getInt32(PREFIX / 2, true);

/** The footer, with the bytes after it. */
function footerOf(columns: readonly OutputColumn[], places: readonly Place[]): Uint8Array {
  const none = [columns.map(() => null)];
  const file = encode(columns, none, { times: places.length, format: "file" });
  const length = viewOf(file).getInt32(file.length - TRAILER, true);
  const footer = file.slice(file.length - TRAILER - length);
  const view = viewOf(footer);
  const at = listOf(view);
  for (const [index, { offset, head, body }] of places.entries()) {
    const place = at + index * PLACE;
    view.setBigInt64(place, BigInt(offset), true);
    view.setInt32(place + 8, head, true);
    view.setBigInt64(place + 16, BigInt(body), true);
  }
  return footer;
}

/**
 * Where the first place of a batch stands in a footer, which is a FlatBuffer: its first number leads to the table, that of the
 * table back to the list of its fields, that of the field to the list of places, which begins with their number.
 */
function listOf(view: DataView): number {
  const table = view.getUint32(0, true);
  const fields = table - view.getInt32(table, true);
  const field = table + view.getUint16(fields + 4 + BATCHES_FIELD * 2, true);
  return field + view.getUint32(field, true) + 4;
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);

/** Types that columns have, and those that their values are built as: the builder of times knows no microseconds. */
const TYPES: Readonly<Record<OutputColumn["type"], { built: () => ArrowType; type: () => ArrowType }>> = {
  text: { built: utf8, type: utf8 },
  json: { built: utf8, type: utf8 },
  double: { built: float64, type: float64 },
  int32: { built: int32, type: int32 },
  int64: { built: int64, type: int64 },
  boolean: { built: bool, type: bool },
  time: { built: int64, type: () => timestamp(TimeUnit.MICROSECOND, "UTC") },
};

type ArrowBatch = Column<unknown>["data"][number];
type ArrowType = NonNullable<Parameters<typeof columnFromArray>[1]>;
