/**
 * A kind of record. Its one declaration (see `define_kind.ts`) determines the TypeScript type, the names in files, the
 * readers of values, the table and its check, the encodings for COPY, arrays, journal and messages, the JSON form and
 * the documentation.
 *
 * @module
 */
import type { Columns, Layout, OpenColumns } from "./columns.ts";
import type { Field, FieldDeclaration } from "./field.ts";
import type { MarketRecord, ParseContext, Revisions } from "./record.ts";

/** PostgreSQL types of columns. `char` is the single-byte type. */
export type ColumnType = "int4" | "int8" | "float8" | "timestamptz" | "date" | "text" | "char" | "jsonb";

/** A column of a kind's table, and the origin of its values. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether it may be `NULL`. */
  readonly optional?: true | undefined;
  /** Place of the field; see `columns.ts`. */
  readonly place: number;
  /** For a `timestamptz`: microseconds in a unit of the cell. */
  readonly microseconds?: number | undefined;
  /** For a `char`: the character of each value of the enum, as a byte. */
  readonly codes?: readonly number[] | undefined;
  /** For a `char`: the flag at this place, which replaces one character by another. */
  readonly mark?: { readonly place: number; readonly from: number; readonly to: number } | undefined;
}

/** A field in messages and the journal. `provider`, `symbol` and `timeframe` are parts of the series. */
export interface WireField {
  readonly name: string;
  readonly type: "number" | "text" | "json";
  readonly optional?: true;
  readonly place: number;
  /** For a text that stands for a cell: reads and writes it. */
  readonly text?: { readonly of: (cell: number) => string; readonly read: (text: string) => number };
}

/** Type of a value of a field. */
type ValueOf<F extends FieldDeclaration> = F extends { readonly type: "enum"; readonly values: infer V }
  ? keyof V & string
  : F extends { readonly type: "jsonb"; readonly example: infer T } ? T
  : F extends { readonly type: "flag" } ? 1
  : F extends { readonly type: "symbol" | "timeframe" | "date" | "text" } ? string
  : number;
type Always<F> = F extends
  { readonly optional: true; readonly type: Exclude<FieldDeclaration["type"], "symbol" | "timeframe"> } ? never
  : F;
type Names<F extends FieldDeclaration> = { readonly [Each in Always<F> as Each["name"]]: ValueOf<Each> };
type Maybe<F extends FieldDeclaration> = {
  readonly [Each in Exclude<F, Always<F>> as Each["name"]]?: ValueOf<Each>;
};

/** Type of the records of a declaration's fields. */
export type RecordOf<F extends readonly FieldDeclaration[]> = MarketRecord & Names<F[number]> & Maybe<F[number]>;

/** The declaration of a new kind. */
export interface KindDeclaration<F extends readonly FieldDeclaration[]> {
  /** Name in flags, labels and frames, for instance `bar`. */
  readonly name: string;
  /** Table that holds it; its primary key is `series_id` followed by the columns of `key`. */
  readonly table: string;
  /** View that shows its rows with the names of their series. */
  readonly view: string;
  /** Fields, in the order of the table's columns. A `symbol` and a `ts` are among them; `receivedAt` is added. */
  readonly fields: F;
  /** Names of the fields of the key within a series, `ts` first. */
  readonly key: readonly F[number]["name"][];
  /** Timeframe of its series if no field has that type. */
  readonly timeframe?: string;
  /** Derives the symbol of a record without one. */
  readonly symbolOf?: (record: RecordOf<F>) => string;
  /** Records that revise others; without it, only the time of receipt orders the observations of a key. */
  readonly revisions?: Revisions;
  /**
   * Why a record must not be stored, in words, apart from its time and the names of its series. Its numbers are finite.
   */
  validate(record: RecordOf<F>): string | undefined;
  /** When the period of the record ended, in epoch ms. Records of kinds without it are never late. */
  overAt?(record: RecordOf<F>): number;
}

/** Provider and time of receipt of records without their own. */
export type RecordSource = Pick<MarketRecord, "provider" | "receivedAt">;

/** A view of a row as a record: its values change with its place. */
export type Cursor<R> = R & { at: number };

/** A kind of record. `R` is the record's type. */
export interface RecordKind<R extends MarketRecord = MarketRecord> extends Layout {
  readonly name: string;
  readonly table: string;
  readonly view: string;
  /** All fields of files, in the order of the values of {@linkcode RecordKind.read}. */
  readonly fields: readonly Field[];
  /** Columns of the table after `series_id`. */
  readonly columns: readonly Column[];
  /** Columns of the primary key after `series_id`. */
  readonly keyColumns: readonly string[];
  readonly revisions?: Revisions;
  /** Fields of messages. */
  readonly wire: readonly WireField[];
  /** Timeframe of all series; absent if a field has it. */
  readonly timeframe?: string;
  /** Whether a record may derive its symbol from its other fields. */
  readonly derivesSymbol: boolean;
  /**
   * Adds the record of these values, one for each field, as a row; returns the problem in words, and then adds none.
   */
  read(values: readonly unknown[], columns: OpenColumns, receivedAt: number, context: ParseContext): string | undefined;
  /**
   * Adds a record in memory as a row. Returns the problem in words for an unsound record, which no provider should
   * create, and then adds no row. Without a `source`, the record has its provider and its time of receipt.
   */
  add(record: object, columns: OpenColumns, source?: RecordSource): string | undefined;
  /** A view of the row at `at`; set that to move it to another row. */
  cursor(columns: Columns, at?: number): Cursor<R>;
  /** The record of a row, as an independent object. */
  row(columns: Columns, at: number): R;
  /** The JSON form of a row, which {@linkcode RecordKind.read} reads back to the same row. */
  toJSON(columns: Columns, at: number): Record<string, unknown>;
  /** Why a record in memory must not be stored, in words; `undefined` if it may. `now` is in epoch milliseconds. */
  validate(record: R, now: number): string | undefined;
  /** The rows that must not be stored, with the reasons in words. `now` is in epoch milliseconds. */
  findUnsound(columns: Columns, now: number): ReadonlyMap<number, string>;
  overAt?(record: R): number;
}
