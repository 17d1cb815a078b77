/**
 * Checks the keys of the configuration and of dialect files, and reads them into a {@linkcode Dialect}.
 *
 * @module
 */
import { quote } from "../records/quote.ts";
import {
  AMBIGUITIES,
  type ColumnRef,
  type Dialect,
  ENCODINGS,
  FILE_TIME_UNITS,
  FORMS,
  SPLIT_ROLES,
  STAMPS,
} from "./dialect.ts";
import { compilePattern } from "./path_pattern.ts";
import { createFormatReader } from "./time_format.ts";
import { readTimeframe } from "./timeframe_names.ts";
import { createZone } from "./zone.ts";

/** A problem of a key. */
export interface KeyProblem {
  readonly key: string;
  readonly message: string;
}

/** A dialect, or the problems of its keys. */
export type ReadDialect =
  | { readonly ok: true; readonly dialect: Dialect }
  | { readonly ok: false; readonly problems: readonly KeyProblem[] };

/** Reads a value into the dialect, or throws a `RangeError` that names the expected value. */
type Reader = (value: unknown, roles: readonly string[]) => Partial<Dialect>;

/** Throws an error with the expected value. */
function expect(what: string): never {
  throw new RangeError(`expected ${what}`);
}

const NAMED: Readonly<Record<string, string>> = { tab: "\t", "\\t": "\t", space: " ", comma: ",", semicolon: ";" };

function character(value: unknown, what: string): string {
  const text = NAMED[String(value)] ?? String(value);
  return text.length === 1 ? text : expect(what);
}

function ascii(value: unknown, what: string): string {
  const text = character(value, what);
  return text.charCodeAt(0) < 128 && !/[\r\n\w.]/.test(text) ? text : expect(what);
}

function oneOf<const T extends readonly string[]>(values: T, value: unknown): T[number] {
  return values.includes(String(value)) ? String(value) : expect(`one of ${values.join(", ")}`);
}

function count(value: unknown, what: string): number {
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= 1000
    ? number
    : expect(what);
}

function bool(value: unknown): boolean {
  return typeof value === "boolean" ? value : expect("true or false");
}

function texts(value: unknown, what: string): string[] {
  const all = Array.isArray(value) ? value : [value];
  return all.every((each) => typeof each === "string" || typeof each === "number") ? all.map(String) : expect(what);
}

/** `role=value` items, or a mapping. */
function pairs(value: unknown, roles: readonly string[], example: string): [string, unknown][] {
  const entries = typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : texts(value, example).map((item): [string, unknown] => {
      const at = item.indexOf("=");
      return at > 0 && at < item.length - 1 ? [item.slice(0, at), item.slice(at + 1)] : expect(example);
    });
  for (const [role] of entries) {
    if (!roles.includes(role)) throw new RangeError(`"${role}" is no role, expected one of ${roles.join(", ")}`);
  }
  return entries;
}

function columnRef(value: unknown): ColumnRef {
  if (typeof value === "number" || /^[1-9]\d*$/.test(String(value))) {
    return Number.isInteger(Number(value)) && Number(value) >= 1 ? Number(value) : expect("a place from 1 on");
  }
  return typeof value === "string" && value !== "" ? value : expect("a name of a column, or its place from 1 on");
}

/** Runs `check`, whose error describes the problem. */
function checked<T>(value: T, check: (value: T) => unknown): T {
  check(value);
  return value;
}

const READERS: Readonly<Record<string, Reader>> = {
  form: (value) => ({ form: oneOf(FORMS, value) }),
  delimiter: (value) => ({ delimiter: ascii(value, "one character, as in ; or tab") }),
  quote: (value) => ({ quote: value === "none" ? "none" : ascii(value, 'one character, as in ", or none') }),
  decimal: (value) => ({ decimal: oneOf([".", ","], value) }),
  thousands: (value) => ({ thousands: character(value, "one character, as in . or space") }),
  strip: (value) => ({ strip: texts(value, "characters, as in $%")[0] }),
  suffixes: (value) => ({ suffixes: bool(value) }),
  noHeader: (value) => bool(value) ? { header: 0 } : {},
  header: (value) => ({
    header: value === false ? 0 : value === true ? 1 : count(value, "true, false or a number of lines"),
  }),
  skip: (value) => ({ skip: count(value, "a number of lines up to 1000") }),
  comment: (value) => ({ comment: texts(value, "the beginning of lines to leave out, as in #")[0] }),
  null: (value) => ({ null: texts(value, "texts that stand for no value, as in N/A") }),
  column: (value, roles) => ({
    columns: Object.fromEntries(
      pairs(value, [...roles, ...SPLIT_ROLES], "role=name, as in open=O").map(([role, ref]) => [role, columnRef(ref)]),
    ),
  }),
  constant: (value, roles) => ({
    constants: Object.fromEntries(
      pairs(value, roles, "role=value, as in symbol=AAPL").map(([role, text]) => [role, String(text)]),
    ),
  }),
  symbolFrom: (value) => ({
    symbolFrom: texts(value, "a pattern like {symbol}_{timeframe}.csv").map((each) => checked(each, compilePattern)),
  }),
  timeframe: (value) => ({ timeframe: readTimeframe(String(value)) ?? expect("a length of bars, as in 1m, 1h or 1d") }),
  timeframes: (value) => ({
    timeframes: Object.fromEntries(Object.entries(value ?? {}).map(([name, is]) => [name, String(is)])),
  }),
  timeFormat: (value) => ({ timeFormat: checked(String(value), createFormatReader) }),
  timeUnit: (value) => ({ timeUnit: oneOf(FILE_TIME_UNITS, value) }),
  timeZone: (value) => ({ timeZone: checked(String(value), createZone) }),
  ambiguous: (value) => ({ ambiguous: oneOf(AMBIGUITIES, value) }),
  stamp: (value) => ({ stamp: oneOf(STAMPS, value) }),
  priceScale: (value) => ({
    priceScale: Number(value) > 0 && Number(value) < Infinity ? Number(value) : expect("a number above 0"),
  }),
  scaleIntegers: (value) => ({ scaleIntegers: bool(value) }),
  absolute: (value) => ({ absolute: bool(value) }),
  encoding: (value) => ({ encoding: oneOf(ENCODINGS, String(value).toLowerCase()) }),
  path: (value) => ({ path: texts(value, "the name of a key")[0] }),
  wide: (value) => ({ wide: bool(value) }),
  sessionDates: (value) => ({ sessionDates: bool(value) }),
};

/** Alternative spellings of keys. */
const SAME: Readonly<Record<string, string>> = { columns: "column", constants: "constant" };

/** Keys of dialect files. */
export const DIALECT_KEYS: readonly string[] = Object.keys(READERS);

/**
 * Reads keys. `roles` are the names of the kind's fields. Keys whose value is `undefined` are absent.
 */
export function readDialect(values: Readonly<Record<string, unknown>>, roles: readonly string[]): ReadDialect {
  let dialect: Dialect = {};
  const problems: KeyProblem[] = [];
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const read = READERS[SAME[key] ?? key];
    if (read === undefined) {
      problems.push({ key, message: `no such key of a dialect, expected one of ${DIALECT_KEYS.join(", ")}` });
      continue;
    }
    try {
      dialect = { ...dialect, ...read(value, roles) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      problems.push({ key, message: `current value is ${quote(value)}, ${error.message}` });
    }
  }
  return problems.length === 0 ? { ok: true, dialect } : { ok: false, problems };
}
