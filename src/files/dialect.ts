/**
 * How a file writes its bars, as data: one declaration serves presets, dialect files, flags and the reader.
 *
 * @module
 */

/** How a number of a time column counts; `iso` is text, `auto` tells s, ms, us and ns apart by their size, row by row. */
export const FILE_TIME_UNITS = ["iso", "s", "ms", "us", "ns", "auto", "ms-of-day"] as const;
export type FileTimeUnit = typeof FILE_TIME_UNITS[number];

/** Which end of its bar a time stands for. */
export const STAMPS = ["start", "end"] as const;
export type Stamp = typeof STAMPS[number];

/** What becomes of a local time that exists twice or not at all, where clocks change. */
export const AMBIGUITIES = ["refuse", "earlier", "later"] as const;
export type Ambiguity = typeof AMBIGUITIES[number];

/** Encodings of text. */
export const ENCODINGS = ["utf-8", "utf-16le", "utf-16be", "windows-1252", "windows-1250", "iso-8859-1"] as const;
export type Encoding = typeof ENCODINGS[number];

/** Forms of a file once it is unpacked. */
export const FORMS = ["csv", "ndjson", "json", "parquet", "arrow", "dbn"] as const;
export type Form = typeof FORMS[number];

/**
 * Which column has a role: its name, its place from 1 on, several names of which the first that is there counts
 * (`Close|Last`), a pattern (`Volume *`), or columns that are added up (`Up+Down`).
 */
export type ColumnRef = string | number;

/** How a file writes its bars. What is absent is the default, or follows from the file. */
export interface Dialect {
  /** @default {by the first bytes, else csv} */
  readonly form?: Form;
  /** One ASCII character. @default {by the first lines} */
  readonly delimiter?: string;
  /** One ASCII character, or `none`. @default {"} */
  readonly quote?: string;
  /** Decimal mark. @default {.} */
  readonly decimal?: "." | ",";
  /** Mark between groups of three digits. @default {none} */
  readonly thousands?: string;
  /** Characters to leave out of numbers, as in `$%`. */
  readonly strip?: string;
  /** Whether numbers may end in K, M or B. */
  readonly suffixes?: boolean;
  /** Lines of the header; 0 where there is none. @default {1} */
  readonly header?: number;
  /** Lines before the header. @default {0} */
  readonly skip?: number;
  /** Lines that begin with it are left out. */
  readonly comment?: string;
  /** Texts that stand for no value, besides an empty one. */
  readonly null?: readonly string[];
  /** Columns by role. Roles are the fields of the kind, and `date` and `time` where a time is in two columns. */
  readonly columns?: Readonly<Record<string, ColumnRef>>;
  /** Values by role that the file does not have. */
  readonly constants?: Readonly<Record<string, string>>;
  /** Patterns of the path, as in `{symbol}_{timeframe}.csv`; the first that matches counts. */
  readonly symbolFrom?: readonly string[];
  /** Length of a bar where neither a column nor the path says it. */
  readonly timeframe?: string;
  /** What the timeframes of the file's column or path are called here. */
  readonly timeframes?: Readonly<Record<string, string>>;
  /** Format of times, as of `strptime`; what stands in brackets may be absent at the end. */
  readonly timeFormat?: string;
  readonly timeUnit?: FileTimeUnit;
  /** Zone of times that name none: a name of IANA, or an offset. */
  readonly timeZone?: string;
  /** @default {refuse} */
  readonly ambiguous?: Ambiguity;
  readonly stamp?: Stamp;
  /** Factor of prices. */
  readonly priceScale?: number;
  /** Whether only prices without a decimal mark are scaled. */
  readonly scaleIntegers?: boolean;
  /** Whether a price may be negative and counts without its sign. */
  readonly absolute?: boolean;
  /** @default {by the byte order mark, else utf-8} */
  readonly encoding?: Encoding;
  /** Of a JSON file: the key that holds the rows; those of a mapping there are taken by symbol. */
  readonly path?: string;
  /** Whether each symbol has columns of its own, named by a second line of the header. */
  readonly wide?: boolean;
  /** Whether a bar of a day or more has the date as it is written, also of a time with an offset. */
  readonly sessionDates?: boolean;
}

/** Names of roles that are no fields of a kind: a time in two columns. */
export const SPLIT_ROLES = ["date", "time"] as const;

/** Puts dialects together: of each value the one of the last dialect that has it counts, of columns and constants of each role. */
export function mergeDialects(...dialects: readonly (Dialect | undefined)[]): Dialect {
  let merged: Dialect = {};
  for (const next of dialects) {
    if (next === undefined) continue;
    const given = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined)) as Dialect;
    // A format makes a unit of an earlier dialect void, and the other way round.
    const { timeFormat, timeUnit, ...rest } = merged;
    const times = given.timeFormat !== undefined || given.timeUnit !== undefined ? {} : { timeFormat, timeUnit };
    const { symbol, ...others } = merged.columns ?? {};
    // A path that the user names is stronger than a column that a preset knows.
    const before = given.symbolFrom === undefined || symbol === undefined ? merged.columns : others;
    merged = {
      ...rest,
      ...times,
      ...given,
      columns: mergeColumns(before, given.columns),
      constants: { ...merged.constants, ...given.constants },
    };
  }
  return merged;
}

/** One time column takes the place of two, and the other way round. */
function mergeColumns(
  before: Dialect["columns"] = {},
  given: Dialect["columns"] = {},
): Readonly<Record<string, ColumnRef>> {
  const { ts, date, time, ...rest } = before;
  const times = "ts" in given || "date" in given || "time" in given ? {} : { ts, date, time };
  const merged = { ...rest, ...times, ...given };
  return Object.fromEntries(Object.entries(merged).filter(([, ref]) => ref !== undefined));
}
