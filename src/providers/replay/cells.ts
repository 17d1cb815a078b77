/**
 * Writes the values of a line into the cells of a row, from their bytes.
 *
 * @module
 */
import type { Times } from "../../files/times.ts";
import { type OpenColumns, RECEIVED_AT, SERIES, TS } from "../../records/columns.ts";
import type { Field } from "../../records/field.ts";
import { parseDecimal } from "../../records/number.ts";
import { readDecimal } from "../../files/decimal.ts";
import { createInterner, type Interner } from "./bytes/intern.ts";
import { createTimeReader } from "./bytes/time.ts";
import type { LineTarget } from "./line.ts";
import { createSeriesReader } from "./series.ts";

/**
 * Writes the row at `columns.count`, value by value. A value that it cannot read is left to `kind.read`, which also
 * says why the line is not a record; the row must be cleared before.
 */
export interface CellWriter {
  /** Begins a row. */
  begin(columns: OpenColumns, receivedAt: number): void;
  /**
   * Writes the value between two places; no value if they are equal. `isNumber` distinguishes a number of JSON from a
   * text. Returns whether it was possible.
   */
  write(field: number, bytes: Uint8Array, from: number, to: number, isNumber: boolean, columns: OpenColumns): boolean;
  /** Adds the row, whose symbol is in these bytes. Returns whether there was one. */
  end(bytes: Uint8Array, columns: OpenColumns): boolean;
}

/** Ways of reading a value. */
const SYMBOL = 0;
const TIMEFRAME = 1;
const DECIMAL = 2;
const TIME = 3;
const ENUM = 4;
/** From text, by the field itself. */
const OTHER = 5;
/** The time of day beside a date. */
const CLOCK = 6;

const SPACE = 32;

/** Prices, to which a scale applies. */
export const PRICES: ReadonlySet<string> = new Set(["open", "high", "low", "close", "vwap"]);

/** The notation of values in a file without Barline's own columns. Spaces around them do not count. */
export interface CellRules {
  /** Reads the times of bars of a timeframe. */
  readonly timesOf: (timeframe: string) => Times;
  /** Whether the time of day has a column of its own. */
  readonly hasClock: boolean;
  /** Whether a time can only be read with the whole row: for its clock, or its timeframe. */
  readonly isTimeLate: boolean;
  readonly timeframeOf: (text: string) => string;
  /** Symbol of all rows, if they do not have one. */
  readonly symbol?: string;
  /** Byte of the decimal mark. */
  readonly mark: number;
  /** Texts that stand for no value. */
  readonly nulls: ReadonlySet<string>;
  /** Reads a number that is not a plain decimal. */
  readonly readNumber: (text: string) => number;
  /** The price for a number between two places. */
  readonly scalePrice?: (value: number, bytes: Uint8Array, from: number, to: number) => number;
}

/** Whether the values of a field are plain numbers. */
export const isDecimal = (field: Field): boolean => stepOf(field) === DECIMAL;

function stepOf({ type }: Field): number {
  switch (type) {
    case "symbol":
      return SYMBOL;
    case "timeframe":
      return TIMEFRAME;
    case "timestamptz":
      return TIME;
    case "enum":
      return ENUM;
    case "float8":
    case "int4":
      return DECIMAL;
    default:
      return OTHER;
  }
}

/**
 * Creates a writer. It is compiled once, so that a row costs neither a closure nor an object. `rules` are those of a
 * plan.
 */
export function createCellWriter({ kind, context, timeUnit }: LineTarget, rules?: CellRules): CellWriter {
  const { fields } = kind;
  // After the fields, the time of day in its own column.
  const steps = Uint8Array.from([...fields.map(stepOf), CLOCK]);
  const places = Int32Array.from(fields, ({ place }) => place);
  const mayLack = Uint8Array.from([...fields.map(({ isNeeded }) => isNeeded ? 0 : 1), 1]);
  const enums = fields.map((field) => field.type === "enum" ? createEnumReader(field) : () => -1);
  const defaults = fields.filter((field) => field.default !== undefined);
  const defaultPlaces = Int32Array.from(defaults, ({ place }) => place);
  const defaultCells = Float64Array.from(defaults, (field) => Object.keys(field.values!).indexOf(field.default!));
  const series = createSeriesReader(context.provider, kind.timeframe ?? context.timeframe, rules?.timeframeOf);
  const readTime = rules === undefined ? createTimeReader(timeUnit) : rules.timesOf(context.timeframe).read;
  const isTrimmed = rules !== undefined;
  const mark = rules?.mark;
  const isScaled = Uint8Array.from(fields, ({ name }) => rules?.scalePrice !== undefined && PRICES.has(name) ? 1 : 0);
  /** Where the symbol begins and ends: its series also depends on the timeframe, which may come later. */
  const symbol = new Int32Array(2);
  const constant = new TextEncoder().encode(rules?.symbol ?? "");
  /** Where date and time of day lie, if the time needs more than its own column. */
  const isTimeLate = rules?.isTimeLate === true;
  const when = new Int32Array(4);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /** Reads a number that is not a plain decimal; `Infinity` for an unreadable one. */
  function readNumber(field: number, text: string): number {
    if (rules === undefined) return parseDecimal(text);
    if (rules.nulls.has(text)) return mayLack[field] === 1 ? NaN : Infinity;
    const value = rules.readNumber(text);
    return Number.isNaN(value) ? Infinity : value;
  }

  function writeNumber(field: number, cell: number, bytes: Uint8Array, from: number, to: number, into: OpenColumns) {
    let value = readDecimal(bytes, from, to, mark);
    if (Number.isNaN(value)) {
      value = readNumber(field, decoder.decode(bytes.subarray(from, to)));
      if (rules !== undefined && Number.isNaN(value)) return true;
    }
    if (isScaled[field] === 1) value = rules!.scalePrice!(value, bytes, from, to);
    into.cells[cell] = value;
    return Number.isFinite(value);
  }

  return {
    begin({ cells, stride, count, series: dictionary }, receivedAt) {
      series.begin(dictionary);
      symbol[0] = symbol[1] = 0;
      when[2] = when[3] = 0;
      cells[RECEIVED_AT * stride + count] = receivedAt;
      for (let at = 0; at < defaultPlaces.length; at++) cells[defaultPlaces[at] * stride + count] = defaultCells[at];
    },
    write(field, bytes, from, to, isNumber, columns) {
      if (isTrimmed) {
        while (from < to && bytes[from] === SPACE) from++;
        while (to > from && bytes[to - 1] === SPACE) to--;
      }
      if (from === to) return mayLack[field] === 1;
      const cell = places[field] * columns.stride + columns.count;
      switch (steps[field]) {
        case DECIMAL:
          return writeNumber(field, cell, bytes, from, to, columns);
        case TIME: {
          if (isTimeLate) {
            when[0] = from;
            when[1] = to;
            return true;
          }
          let ms = isNumber ? NaN : readTime(bytes, from, to);
          if (Number.isNaN(ms) && rules === undefined) {
            const text = decoder.decode(bytes.subarray(from, to));
            ms = context.parseTime(isNumber ? Number(text) : text);
          }
          columns.cells[cell] = ms;
          return !Number.isNaN(ms);
        }
        case CLOCK:
          when[2] = from;
          when[3] = to;
          return true;
        case TIMEFRAME:
          series.useTimeframe(bytes, from, to);
          return !isNumber;
        case SYMBOL:
          symbol[0] = from;
          symbol[1] = to;
          return !isNumber;
        case ENUM: {
          const place = enums[field](bytes, from, to);
          columns.cells[cell] = place;
          return place >= 0 && !isNumber;
        }
        default: {
          const text = decoder.decode(bytes.subarray(from, to));
          return !isNumber && fields[field].read(text, columns, context) === undefined;
        }
      }
    },
    end(bytes, columns) {
      const { cells, stride, count } = columns;
      if (isTimeLate) {
        const times = rules!.timesOf(series.timeframe);
        const ms = when[2] === when[3] && !rules!.hasClock
          ? times.read(bytes, when[0], when[1])
          : times.readSplit(bytes, when[0], when[1], when[2], when[3]);
        if (Number.isNaN(ms)) return false;
        cells[TS * stride + count] = ms;
      }
      if (constant.length > 0) {
        cells[SERIES * stride + count] = series.codeOf(constant, 0, constant.length);
        columns.count++;
        return true;
      }
      const from = symbol[0];
      const to = symbol[1];
      if (from === to) return false;
      cells[SERIES * stride + count] = series.codeOf(bytes, from, to);
      columns.count++;
      return true;
    },
  };
}

/** Creates a reader of the values of an enum: their index, -1 for any other text. */
function createEnumReader({ values = {}, spellings = {} }: Field): Interner {
  const names = Object.keys(values);
  return createInterner((text) => {
    const place = names.indexOf(text);
    if (place >= 0) return place;
    const lower = text.toLowerCase();
    return Object.hasOwn(spellings, lower) ? names.indexOf(spellings[lower]) : -1;
  });
}
