/**
 * What a kind of record is: how it is read, checked, keyed and laid out in the database.
 *
 * A kind is one value of {@linkcode RecordKind}; everything that handles records is written against this interface, so
 * that a further kind is one file and one line in `mod.ts`.
 *
 * @module
 */

/** What every record carries, whatever its kind. */
export interface MarketRecord {
  /** Name of the provider that delivered it, as in the registry of providers. */
  readonly provider: string;
  /** Symbol in the provider's own spelling. */
  readonly symbol: string;
  /** The record's own time, in milliseconds since 1970-01-01 UTC (fractions are kept to the microsecond). */
  readonly ts: number;
  /**
   * When it was received, in **microseconds** since 1970-01-01 UTC. Unique and increasing within a process (see
   * {@linkcode createReceiveClock}), so that of two observations of one key it is always known which is newer.
   */
  readonly receivedAt: number;
}

/** What names a series: a run of records of one symbol from one provider at one timeframe. */
export interface SeriesKey {
  readonly provider: string;
  readonly symbol: string;
  readonly timeframe: string;
}

/**
 * PostgreSQL types that records are made of. Values of `timestamptz` are microseconds since 1970, of `date` days since
 * 1970, of `jsonb` the text of the JSON.
 */
export type ColumnType = "int4" | "float8" | "timestamptz" | "date" | "text" | "char" | "jsonb";

/** One column of a kind's table, and where its value comes from. */
export interface Column<R> {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether it may be `NULL`. */
  readonly optional?: true;
  /** The value; `undefined` is SQL `NULL`. */
  readonly value: (record: R) => number | string | undefined;
}

/** One field of a record as messages and the journal hold it: a double, text, or any JSON. */
export type WireField<R> =
  & {
    /** Name of the record's property. */
    readonly name: string;
    /** Whether a record may lack it, as `undefined`. */
    readonly optional?: true;
  }
  & (
    | { readonly type: "number" | "text" | "json"; readonly value: (record: R) => unknown }
    /**
     * Puts a number into a place, `NaN` where it is absent, and returns nothing: for kinds whose records come by the million,
     * as a number that is given back has to be boxed.
     */
    | { readonly type: "number"; readonly put: (record: R, into: Float64Array, at: number) => void }
  );

/** Type of a {@linkcode WireField}. */
export type WireType = WireField<MarketRecord>["type"];

/** How records of a kind are written into messages and the journal, and made again; see `codec.ts`. */
export interface Wire<R> {
  readonly fields: readonly WireField<R>[];
  /** Takes the values of each field, in the order of `fields`, and gives what makes the record at a place. */
  readonly reader: (columns: readonly ArrayLike<unknown>[]) => (at: number) => R;
}

/** What a parser must know besides the fields themselves. */
export interface ParseContext {
  readonly provider: string;
  /** Timeframe of records that name none. */
  readonly timeframe: string;
  /** Turns the text or number of a time into epoch milliseconds, or `NaN`. */
  readonly parseTime: (value: unknown) => number;
  /** What {@linkcode ParseContext.parseTime} wants, for the error message. */
  readonly timeFormat: string;
}

/** A kind of record. `R` is the record's type. */
export interface RecordKind<R extends MarketRecord> {
  /** Name in flags, labels and frames, for instance `bar`. */
  readonly name: string;
  /** Table that holds it; its primary key is `series_id` followed by {@linkcode RecordKind.keyColumns}. */
  readonly table: string;
  /** View that shows its rows with the names of their series. */
  readonly view: string;
  /** Columns after `series_id`. */
  readonly columns: readonly Column<R>[];
  /** Columns of the primary key after `series_id`. */
  readonly keyColumns: readonly string[];
  /** Records that revise others; without it, only the time of receipt orders the observations of a key. */
  readonly revisions?: Revisions;
  /** Fields that {@linkcode RecordKind.parse} takes, in its order, each with the other names it goes by in files. */
  readonly fields: readonly Field[];
  /** Makes a record of the values of {@linkcode RecordKind.fields}, or tells in words why it cannot. */
  parse(values: readonly unknown[], receivedAt: number, context: ParseContext): R | string;
  /** Why the record must not be stored, in words; `undefined` when it may. `now` is in epoch milliseconds. */
  validate(record: R, now: number): string | undefined;
  /** The series that the record belongs to. */
  series(record: R): SeriesKey;
  /** When all of what the record tells was over, in epoch ms: from then on it could be there. Kinds without it are never late. */
  overAt?(record: R): number;
  /** How records are written into messages and the journal. */
  readonly wire: Wire<R>;
  /** A JSON form which {@linkcode RecordKind.parse} reads back to the same record. */
  toJSON(record: R): Record<string, unknown>;
}

/**
 * Which records revise others. Of two observations of one key a revision wins over a plain record, whenever each was
 * received; of two revisions, as of two plain records, the one received last wins.
 */
export interface Revisions {
  /** Column of type `char` that marks them. */
  readonly column: string;
  /** Values of the column that mark a revision. */
  readonly codes: readonly string[];
  /** Values that mean the same to a reader as another: from one to the other alone, no row changes. */
  readonly sameAs: Readonly<Record<string, string>>;
}

/** One field of a file's line. */
export interface Field {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Whether it is a number, and may be handed over as one. */
  readonly isNumber?: true;
  /** Whether a file without the field can still be read. */
  readonly optional?: true;
}

/** How far the clocks of those who deliver records may be apart, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 5 * 60_000;

/** The latest receive time that is believed now, in microseconds, by one's own clock. */
export function latestReceiveTime(clock: ReceiveClock): number {
  // Asked for no time, the clock says which would be next.
  return clock(0) + MAX_CLOCK_SKEW_MS * 1000;
}

/**
 * Whether a receive time that comes from elsewhere (a message, a dead letter, the journal) may be one. A row whose receive
 * time lies ahead of the clock could not be corrected until then.
 */
export function isReceiveTime(receivedAt: number, latest: number): boolean {
  return Number.isInteger(receivedAt) && receivedAt >= 0 && receivedAt <= latest;
}

/**
 * Gives `count` receive times at once: the first of `count` consecutive microseconds, later than any given before.
 *
 * The clock follows the wall clock and runs ahead of it only while more than a million records a second arrive, or
 * while the wall clock has been set back.
 */
export type ReceiveClock = (count: number) => number;

/**
 * Makes a {@linkcode ReceiveClock} of a wall clock in epoch milliseconds, which begins at `from` at the earliest, in
 * microseconds. One is shared by all providers of a process.
 */
export function createReceiveClock(now: () => number = Date.now, from = 0): ReceiveClock {
  let next = from;
  return (count) => {
    const first = Math.max(now() * 1000, next);
    next = first + count;
    return first;
  };
}
