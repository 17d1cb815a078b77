/**
 * The fields of a kind: their declarations, and the conversion of values from files to cells.
 *
 * @module
 */
import type { OpenColumns } from "./columns.ts";
import { parseDecimal } from "./number.ts";
import { quote } from "./quote.ts";
import type { ParseContext } from "./record.ts";

/**
 * Types of fields. `symbol` and `timeframe` name the series and have no column of their own. `flag` is 1 or absent. `int8` is a
 * whole number that a double holds exactly, so one below 2^53. `enum` is
 * one of a few texts, each stored as one character.
 */
export type FieldType =
  | "symbol"
  | "timeframe"
  | "timestamptz"
  | "float8"
  | "int4"
  | "int8"
  | "flag"
  | "enum"
  | "date"
  | "text"
  | "jsonb";

/** Types whose cell is the number itself, so that a reader of bytes can write it directly. */
export const isNumber = ({ type }: { readonly type: FieldType }): boolean =>
  type === "float8" || type === "int4" || type === "int8" || type === "flag";

/** Types with values in {@linkcode OpenColumns.texts}. */
export const isText = ({ type }: { readonly type: FieldType }): boolean => type === "text" || type === "jsonb";

/** One field of a declaration. */
export interface FieldDeclaration {
  /** Name of the property in TypeScript, JSON, files and messages. */
  readonly name: string;
  readonly type: FieldType;
  /** Column of the table. @default {the name in snake_case} */
  readonly column?: string;
  /** Further names in files. */
  readonly aliases?: readonly string[];
  /** Whether a record may lack it. */
  readonly optional?: true;
  /** Unit, for the documentation. */
  readonly unit?: string;
  /** Meaning, for the documentation. */
  readonly about?: string | undefined;
  /** For an `enum`: the character of each value in the table. */
  readonly values?: Readonly<Record<string, string>>;
  /** For an `enum`: other spellings in files, in lower case, with their values. */
  readonly spellings?: Readonly<Record<string, string>>;
  /** For an `enum`: the value of an absent one. */
  readonly default?: string;
  /** For a `flag`: the enum column that carries it, the characters that it replaces there, and their replacements. */
  readonly marks?: { readonly field: string; readonly from: string; readonly to: string };
  /** For a `text`: whether a JSON number is accepted as text. */
  readonly takesNumbers?: true;
  /** For a `jsonb`: a value, for the documentation; its type is that of the property. */
  readonly example?: unknown;
  /** For a `jsonb`: the problem of a value, in words that follow the name. */
  readonly check?: (value: unknown) => string | undefined;
  /** The text after `NAME is not …` for an unreadable value. @default {by type} */
  readonly expected?: string;
}

/** A field of a kind. */
export interface Field extends FieldDeclaration {
  readonly aliases: readonly string[];
  /** Place of its column; see `columns.ts`. `symbol` and `timeframe` have that of the series. */
  readonly place: number;
  /** Whether a file must have it. */
  readonly isNeeded: boolean;
  /**
   * Writes a value (a text of a file, or a value of JSON) to the row at `columns.count`; returns the problem in words.
   * Not for `symbol` and `timeframe`. An absent value is a problem only for a required field.
   */
  read(value: unknown, columns: OpenColumns, context: ParseContext): string | undefined;
}

/** Whether a file or an object has no value for the field. */
export const isAbsent = (value: unknown): boolean => value === undefined || value === null || value === "";

const MS_A_DAY = 86_400_000;
const DAY = /^(\d{4})-?(\d\d)-?(\d\d)$/;

/** Days since 1970 of a valid day; `NaN` for anything else. */
export function readDay(value: unknown): number {
  const [, year, month, day] = DAY.exec(String(value)) ?? [];
  const written = `${year}-${month}-${day}`;
  const ms = Date.parse(`${written}T00:00:00Z`);
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== written ? NaN : ms / MS_A_DAY;
}

/** `yyyy-mm-dd`, or the number if it is not a day. */
export function formatDay(days: number): string {
  const date = new Date(days * MS_A_DAY);
  return Number.isNaN(date.getTime()) ? String(days) : date.toISOString().slice(0, 10);
}

/** Converts a value to its stored form: a number for a cell, or a text; `undefined` for another type. */
type Converter = (value: unknown, context: ParseContext) => number | string | undefined;

const number: Converter = (value) => {
  const read = parseDecimal(value);
  return Number.isFinite(read) ? read : undefined;
};

const wholeNumber: Converter = (value) => {
  const read = parseDecimal(value);
  return Number.isSafeInteger(read) ? read : undefined;
};

function converterOf(declared: FieldDeclaration): Converter {
  const { type, values, spellings, default: fallback, takesNumbers } = declared;
  switch (type) {
    case "timestamptz":
      return (value, { parseTime }) => orUndefined(parseTime(value));
    case "date":
      return (value) => orUndefined(readDay(value));
    case "enum": {
      const names = Object.keys(values!);
      const places = new Map(names.map((name, place) => [name, place]));
      for (const [spelling, name] of Object.entries(spellings ?? {})) places.set(spelling, places.get(name)!);
      return (value) =>
        isAbsent(value) && fallback !== undefined
          ? places.get(fallback)
          : places.get(String(value)) ?? (spellings && places.get(String(value).toLowerCase()));
    }
    case "text":
      return (value) =>
        typeof value === "string" ? value : takesNumbers && typeof value === "number" ? String(value) : undefined;
    case "jsonb":
      return readJson;
    case "int8":
      return wholeNumber;
    case "flag":
      return (value) => Number(value) === 1 ? 1 : NaN;
    default:
      return number;
  }
}

const orUndefined = (value: number) => Number.isNaN(value) ? undefined : value;

/** JSON text, from a text or from the value itself. */
function readJson(value: unknown): string | undefined {
  if (typeof value !== "string") return JSON.stringify(value);
  try {
    JSON.parse(value);
    return value;
  } catch {
    return undefined;
  }
}

const EXPECTED: Partial<Record<FieldType, string>> = {
  float8: "a finite number",
  int4: "a finite number",
  int8: "a whole number below 2^53",
  date: "a day like 2024-01-19",
  text: "text",
  jsonb: "JSON",
};

/** Creates the field of a declaration. */
export function makeField(declared: FieldDeclaration, place: number): Field {
  const { name, optional, type, values, check } = declared;
  const expected = declared.expected ?? EXPECTED[type] ?? Object.keys(values ?? {}).join(" or ");
  const convert = converterOf(declared);
  const isInTexts = isText(declared);
  const isRequired = optional !== true;
  const hasDefault = declared.default !== undefined;
  return {
    ...declared,
    aliases: declared.aliases ?? [],
    place,
    isNeeded: isRequired && !hasDefault,
    read(value, columns, context) {
      const { cells, stride, texts, count } = columns;
      // Validation finds an empty text too short.
      if (!hasDefault && isAbsent(value) && !(isRequired && type === "text" && value === "")) {
        if (isRequired) {
          return `${name} is not ${type === "timestamptz" ? context.timeFormat : expected}: ${quote(value)}`;
        }
        if (isInTexts) texts[place][count] = undefined;
        else cells[place * stride + count] = NaN;
        return undefined;
      }
      const read = convert(value, context);
      if (read === undefined) {
        return `${name} is not ${type === "timestamptz" ? context.timeFormat : expected}: ${quote(value)}`;
      }
      const problem = check?.(JSON.parse(read as string));
      if (problem !== undefined) return `${name} ${problem}`;
      if (isInTexts) texts[place][count] = read as string;
      else cells[place * stride + count] = read as number;
    },
  };
}
