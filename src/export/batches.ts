/**
 * Fills batches of rows with values from PostgreSQL, in binary or as texts.
 *
 * @module
 */
import { type Batch, firstRows, makeValues, type OptionalValues, type Values } from "../files/write/batch.ts";
import { microsecondsOf, type TextRow } from "../files/write/column.ts";
import type { ColumnType, RecordKind } from "../records/kind.ts";
import type { ExportColumn } from "./columns.ts";

/** Most rows of a batch in memory, which make a group in Parquet. */
export const BATCH_ROWS = 100_000;
/** Initial capacity in rows. */
const FIRST_ROOM = 4096;

/** The names of a series. */
export interface SeriesNames {
  readonly provider: string;
  readonly symbol: string;
  readonly timeframe: string;
}

/** A batch that is filled row by row. A row is the id of its series and the columns of {@linkcode rawColumns}. */
export interface BatchBuilder {
  readonly count: number;
  /** Adds a row of a binary COPY that begins at `at`, at its number of fields; returns where it ends. */
  addBinary(bytes: Uint8Array, view: DataView, at: number): number;
  /** Adds a row of texts, of a session whose times are in UTC. */
  addTexts(row: TextRow): void;
  /** Returns the rows and empties the batch; they are valid until the next row is added. */
  take(): Batch;
}

/** The columns of the table in rows, in order, after the id of their series. */
export function rawColumns(kind: RecordKind, columns: readonly ExportColumn[]): string[] {
  return slotsOf(kind, columns).map(({ name }) => name);
}

/** A column of the table, with the columns of the export that have its values. */
interface Slot {
  readonly name: string;
  readonly type: ColumnType;
  /** Column of its value, or of the name of its code; -1 without one. */
  readonly column: number;
  readonly isOptional: boolean;
  readonly names: readonly (string | undefined)[];
  /** Column of a flag, and the code that sets it. */
  readonly flag: number;
  readonly code: number;
}

function slotsOf(kind: RecordKind, columns: readonly ExportColumn[]): Slot[] {
  return kind.columns.flatMap(({ name, type }, place) => {
    const column = columns.findIndex(({ from }) =>
      (from.part === "column" || from.part === "code") && from.place === place
    );
    const flag = columns.findIndex(({ from }) => from.part === "flag" && from.place === place);
    if (column < 0 && flag < 0) return [];
    const [own, marked] = [columns[column], columns[flag]];
    const names: string[] = [];
    if (own?.from.part === "code") { for (const [code, value] of own.from.names) names[code] = value; }
    return [{
      name,
      type,
      column,
      isOptional: own?.optional ?? false,
      names,
      flag,
      code: marked?.from.part === "flag" ? marked.from.code : -1,
    }];
  });
}

/** Numbers of an optional column. In an array with `null` each would be an object, and memory to collect. */
interface SparseNumbers {
  readonly numbers: Float64Array;
  readonly isAbsent: Uint8Array;
  absent: number;
}

const makeSparse = ({ type, optional }: ExportColumn, room: number): SparseNumbers | undefined =>
  optional && type === "double"
    ? { numbers: new Float64Array(room), isAbsent: new Uint8Array(room), absent: 0 }
    : undefined;

/** The numbers of the first rows; an array with `null` if any is absent. */
function takeSparse({ numbers, isAbsent, absent }: SparseNumbers, count: number): Values {
  const present = numbers.subarray(0, count);
  return absent === 0 ? present : Array.from(present, (value, row) => isAbsent[row] === 1 ? null : value);
}

const decoder = new TextDecoder();
/** Days, and microseconds in two halves, from 1970 to 2000, where PostgreSQL begins to count. */
const DAYS = 10_957;
const EPOCH_US = BigInt(DAYS) * 86_400_000_000n;
const EPOCH_HIGH = Number(EPOCH_US >> 32n);
const EPOCH_LOW = Number(EPOCH_US & 0xffffffffn);

/** Creates an empty batch. `series` are all that rows may belong to. */
export function createBatchBuilder(
  kind: RecordKind,
  columns: readonly ExportColumn[],
  series: ReadonlyMap<number, SeriesNames>,
): BatchBuilder {
  const slots = slotsOf(kind, columns);
  const named = columns.flatMap(({ from }, column) =>
    from.part === "provider" || from.part === "symbol" || from.part === "timeframe" ? [{ column, part: from.part }] : []
  );
  let room = FIRST_ROOM;
  let values = columns.map((column) => makeValues(column, room));
  let halves = values.map(halvesOf);
  let sparse = columns.map((column) => makeSparse(column, room));
  let count = 0;
  /** Series of the last row. */
  const last = { id: -1 };
  /** Series of the rows from a place on. */
  let runs: { readonly from: number; readonly id: number }[] = [];

  function begin(id: number): number {
    if (count === room) grow();
    if (last.id !== id) runs.push({ from: count, id });
    last.id = id;
    return count++;
  }

  function grow(): void {
    room = Math.min(BATCH_ROWS, room * 4);
    const before = values;
    values = columns.map((column, at) => {
      const made = makeValues(column, room);
      if (Array.isArray(made)) (before[at] as OptionalValues).forEach((value, row) => made[row] = value);
      else (made as Float64Array).set(before[at] as Float64Array);
      return made;
    });
    halves = values.map(halvesOf);
    const less = sparse;
    sparse = columns.map((column, at) => {
      const made = makeSparse(column, room);
      made?.numbers.set(less[at]!.numbers);
      made?.isAbsent.set(less[at]!.isAbsent);
      if (made !== undefined) made.absent = less[at]!.absent;
      return made;
    });
  }

  /** Notes that an optional column has no value in a row. */
  function leaveOut(column: number, row: number): void {
    const numbers = sparse[column];
    if (numbers === undefined) {
      (values[column] as OptionalValues)[row] = null;
      return;
    }
    numbers.isAbsent[row] = 1;
    numbers.absent++;
  }

  function setCode(slot: Slot, row: number, code: number): void {
    if (slot.column >= 0) values[slot.column][row] = slot.names[code] ?? String.fromCharCode(code);
    if (slot.flag >= 0) values[slot.flag][row] = code === slot.code ? 1 : null as never;
  }

  return {
    get count() {
      return count;
    },
    addBinary(bytes, view, start) {
      // The number of fields and the length of the id are fixed.
      const row = begin(view.getInt32(start + 6));
      let at = start + 10;
      for (let each = 0; each < slots.length; each++) {
        const slot = slots[each];
        const length = view.getInt32(at);
        at += 4;
        if (length < 0) {
          if (slot.isOptional) leaveOut(slot.column, row);
          continue;
        }
        switch (slot.type) {
          case "float8":
            if (slot.isOptional) sparse[slot.column]!.numbers[row] = view.getFloat64(at);
            else (values[slot.column] as Float64Array)[row] = view.getFloat64(at);
            break;
          case "int8":
            (values[slot.column] as OptionalValues)[row] = Number(view.getBigInt64(at));
            break;
          case "timestamptz": {
            // In halves: a BigInt for each row would cost more than everything else.
            const low = view.getUint32(at + 4) + EPOCH_LOW;
            const half = halves[slot.column]!;
            half[2 * row] = low;
            half[2 * row + 1] = view.getInt32(at) + EPOCH_HIGH + (low > 0xffffffff ? 1 : 0);
            break;
          }
          case "int4":
            if (slot.isOptional) (values[slot.column] as OptionalValues)[row] = view.getInt32(at);
            else (values[slot.column] as Int32Array)[row] = view.getInt32(at);
            break;
          case "char":
            setCode(slot, row, bytes[at]);
            break;
          case "date":
            values[slot.column][row] = view.getInt32(at) + DAYS;
            break;
          case "text":
            (values[slot.column] as OptionalValues)[row] = decoder.decode(bytes.subarray(at, at + length));
            break;
          case "jsonb":
            // After the version of the format.
            (values[slot.column] as OptionalValues)[row] = decoder.decode(bytes.subarray(at + 1, at + length));
            break;
        }
        at += length;
      }
      return at;
    },
    addTexts(texts) {
      const row = begin(Number(texts[0]));
      slots.forEach((slot, each) => {
        const text = texts[each + 1];
        if (text === null) {
          if (slot.isOptional) leaveOut(slot.column, row);
        } else if (slot.type === "char") setCode(slot, row, text.charCodeAt(0));
        else if (sparse[slot.column] !== undefined) sparse[slot.column]!.numbers[row] = Number(text);
        else (values[slot.column] as OptionalValues)[row] = readText(text, slot.type);
      });
    },
    take() {
      for (const { column, part } of named) {
        runs.forEach(({ from, id }, at) =>
          (values[column] as OptionalValues).fill(series.get(id)![part], from, runs[at + 1]?.from ?? count)
        );
      }
      const taken = firstRows(
        values.map((each, at) => sparse[at] === undefined ? each : takeSparse(sparse[at], count)),
        count,
      );
      for (const each of sparse) {
        if (each === undefined) continue;
        each.isAbsent.fill(0, 0, count);
        each.absent = 0;
      }
      count = 0;
      last.id = -1;
      runs = [];
      return taken;
    },
  };
}

/** The halves of the numbers of a column of times, on a little-endian machine. */
const halvesOf = (values: Values) => values instanceof BigInt64Array ? new Uint32Array(values.buffer) : undefined;

function readText(text: string, type: Exclude<ColumnType, "char">): string | number | bigint {
  switch (type) {
    case "float8":
    case "int4":
    case "int8":
      return Number(text);
    case "timestamptz":
      return microsecondsOf(text) ?? 0n;
    case "date":
      return Date.parse(`${text}T00:00:00Z`) / 86_400_000;
    default:
      return text;
  }
}
