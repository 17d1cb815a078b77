/**
 * How a file writes its bars, as data: one declaration serves presets, dialect files, flags and the reader.
 *
 * @module
 */

/** Unit of the numbers of a time column; `iso` is text, `auto` finds s, ms, us or ns by the size of each value. */
export const FILE_TIME_UNITS = ["iso", "s", "ms", "us", "ns", "auto", "ms-of-day"] as const;
export type FileTimeUnit = typeof FILE_TIME_UNITS[number];

/** The end of its bar that a time stands for. */
export const STAMPS = ["start", "end"] as const;
export type Stamp = typeof STAMPS[number];

/** The treatment of local times that occur twice or never, where clocks change. */
export const AMBIGUITIES = ["refuse", "earlier", "later"] as const;
export type Ambiguity = typeof AMBIGUITIES[number];

/** Encodings of text. */
export const ENCODINGS = ["utf-8", "utf-16le", "utf-16be", "windows-1252", "windows-1250", "iso-8859-1"] as const;
export type Encoding = typeof ENCODINGS[number];

/** Forms of an unpacked file. */
export const FORMS = ["csv", "ndjson", "json", "parquet", "arrow", "dbn"] as const;
export type Form = typeof FORMS[number];

/**
 * The column of a role: its name, its place from 1 on, several names in order of preference (`Close|Last`), a pattern
 * (`Volume *`), or columns that are added up (`Up+Down`).
 */
export type ColumnRef = string | number;

/** How a file writes its bars. An absent value has its default, or follows from the file. */
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
  /** Lines of the header; 0 if the file has no header. @default {1} */
  readonly header?: number;
  /** Lines before the header. @default {0} */
  readonly skip?: number;
  /** Prefix of lines to skip. */
  readonly comment?: string;
  /** Texts that stand for no value, besides an empty one. */
  readonly null?: readonly string[];
  /** Columns by role. Roles are the fields of the kind, and `date` and `time` if a time has two columns. */
  readonly columns?: Readonly<Record<string, ColumnRef>>;
  /** Values by role that the file does not have. */
  readonly constants?: Readonly<Record<string, string>>;
  /** Patterns of the path, as in `{symbol}_{timeframe}.csv`; the first that matches counts. */
  readonly symbolFrom?: readonly string[];
  /** Length of a bar if neither a column nor the path names it. */
  readonly timeframe?: string;
  /** Timeframes by the names that the file's column or path has for them. */
  readonly timeframes?: Readonly<Record<string, string>>;
  /** Format of times, as of `strptime`; a part in brackets may be absent at the end. */
  readonly timeFormat?: string;
  readonly timeUnit?: FileTimeUnit;
  /** Zone of times without one: an IANA name, or an offset. */
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
  /** Key of a JSON file that holds the rows. If it holds a mapping, its keys are symbols. */
  readonly path?: string;
  /** Whether each symbol has columns of its own, named by a second line of the header. */
  readonly wide?: boolean;
  /** Whether a bar of a day or more takes its date from the text, even if the time has an offset. */
  readonly sessionDates?: boolean;
}

/** Roles that are not fields of a kind: the two parts of a time in two columns. */
export const SPLIT_ROLES = ["date", "time"] as const;

/** Merges dialects: the last one that has a value wins, for columns and constants role by role. */
export function mergeDialects(...dialects: readonly (Dialect | undefined)[]): Dialect {
  let merged: Dialect = {};
  for (const next of dialects) {
    if (next === undefined) continue;
    const given = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined)) as Dialect;
    // A format replaces the unit of an earlier dialect, and a unit its format.
    const { timeFormat, timeUnit, ...rest } = merged;
    const times = given.timeFormat !== undefined || given.timeUnit !== undefined ? {} : { timeFormat, timeUnit };
    const { symbol, ...others } = merged.columns ?? {};
    // A path pattern from the user wins over a preset's column.
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

/** One time column replaces two, and two replace one. */
function mergeColumns(
  before: Dialect["columns"] = {},
  given: Dialect["columns"] = {},
): Readonly<Record<string, ColumnRef>> {
  const { ts, date, time, ...rest } = before;
  const times = "ts" in given || "date" in given || "time" in given ? {} : { ts, date, time };
  const merged = { ...rest, ...times, ...given };
  return Object.fromEntries(Object.entries(merged).filter(([, ref]) => ref !== undefined));
}
