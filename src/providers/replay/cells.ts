/**
 * Values of a line into the cells of a row, from their bytes.
 *
 * @module
 */
import { type OpenColumns, RECEIVED_AT, SERIES } from "../../records/columns.ts";
import type { Field } from "../../records/field.ts";
import { parseDecimal } from "../../records/number.ts";
import { readDecimal } from "./bytes/decimal.ts";
import { createInterner, type Interner } from "./bytes/intern.ts";
import { createTimeReader } from "./bytes/time.ts";
import type { LineTarget } from "./line.ts";
import { createSeriesReader } from "./series.ts";

/**
 * Writes the row at `columns.count`, value by value. A value that it cannot read is left to `kind.read`, which also says why the
 * line is no record; the row must be cleared before.
 */
export interface CellWriter {
  /** Begins a row. */
  begin(columns: OpenColumns, receivedAt: number): void;
  /**
   * Writes the value between two places; no value where they are equal. `isNumber` distinguishes a number of JSON from
   * a text. Returns whether it could.
   */
  write(field: number, bytes: Uint8Array, from: number, to: number, isNumber: boolean, columns: OpenColumns): boolean;
  /** Adds the row, whose symbol was in these bytes. Returns whether there was one. */
  end(bytes: Uint8Array, columns: OpenColumns): boolean;
}

/** How a value is read. */
const SYMBOL = 0;
const TIMEFRAME = 1;
const DECIMAL = 2;
const TIME = 3;
const ENUM = 4;
/** By the field itself, from text. */
const OTHER = 5;

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

/** Makes a writer. It is compiled once: a row costs neither a closure nor an object. */
export function createCellWriter({ kind, context, timeUnit }: LineTarget): CellWriter {
  const { fields } = kind;
  const steps = Uint8Array.from(fields, stepOf);
  const places = Int32Array.from(fields, ({ place }) => place);
  const mayLack = Uint8Array.from(fields, ({ isNeeded }) => isNeeded ? 0 : 1);
  const enums = fields.map((field) => field.type === "enum" ? createEnumReader(field) : () => -1);
  const defaults = fields.filter((field) => field.default !== undefined);
  const defaultPlaces = Int32Array.from(defaults, ({ place }) => place);
  const defaultCells = Float64Array.from(defaults, (field) => Object.keys(field.values!).indexOf(field.default!));
  const readTime = createTimeReader(timeUnit);
  const series = createSeriesReader(context.provider, kind.timeframe ?? context.timeframe);
  /** Where the symbol begins and ends: its series follows from the timeframe, too, which may come after it. */
  const symbol = new Int32Array(2);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  return {
    begin({ cells, stride, count, series: dictionary }, receivedAt) {
      series.begin(dictionary);
      symbol[0] = symbol[1] = 0;
      cells[RECEIVED_AT * stride + count] = receivedAt;
      for (let at = 0; at < defaultPlaces.length; at++) cells[defaultPlaces[at] * stride + count] = defaultCells[at];
    },
    write(field, bytes, from, to, isNumber, columns) {
      if (from === to) return mayLack[field] === 1;
      const cell = places[field] * columns.stride + columns.count;
      switch (steps[field]) {
        case DECIMAL: {
          let value = readDecimal(bytes, from, to);
          if (Number.isNaN(value)) value = parseDecimal(decoder.decode(bytes.subarray(from, to)));
          columns.cells[cell] = value;
          return Number.isFinite(value);
        }
        case TIME: {
          let ms = isNumber ? NaN : readTime(bytes, from, to);
          if (Number.isNaN(ms)) {
            const text = decoder.decode(bytes.subarray(from, to));
            ms = context.parseTime(isNumber ? Number(text) : text);
          }
          columns.cells[cell] = ms;
          return !Number.isNaN(ms);
        }
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
      const from = symbol[0];
      const to = symbol[1];
      if (from === to) return false;
      columns.cells[SERIES * columns.stride + columns.count] = series.codeOf(bytes, from, to);
      columns.count++;
      return true;
    },
  };
}

/** Makes a reader of the values of an enum: their places, -1 for any other text. */
function createEnumReader({ values = {}, spellings = {} }: Field): Interner {
  const names = Object.keys(values);
  return createInterner((text) => {
    const place = names.indexOf(text);
    if (place >= 0) return place;
    const lower = text.toLowerCase();
    return Object.hasOwn(spellings, lower) ? names.indexOf(spellings[lower]) : -1;
  });
}
