/**
 * Creates kinds of records from their declarations.
 *
 * @module
 */
import { type Columns, FIRST_FIELD, type OpenColumns, RECEIVED_AT, SERIES, TS } from "./columns.ts";
import {
  type Field,
  type FieldDeclaration,
  formatDay,
  isAbsent,
  isNumber,
  isText,
  makeField,
  readDay,
} from "./field.ts";
import type { Column, ColumnType, Cursor, KindDeclaration, RecordKind, RecordOf, WireField } from "./kind.ts";
import { compileSum, compileWriter } from "./compile.ts";
import { quote } from "./quote.ts";
import { makeRow } from "./row_view.ts";
import type { SeriesDictionary } from "./series_dictionary.ts";
import { checkProvider, checkSymbol } from "./symbol.ts";
import { checkTime, formatTime } from "./time.ts";
import { TIMEFRAMES } from "./timeframe.ts";

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const RECEIVED: FieldDeclaration = { name: "receivedAt", type: "timestamptz", about: "when it was received" };

/** Creates the kind of a declaration. */
export function defineKind<const F extends readonly FieldDeclaration[]>(
  declared: KindDeclaration<F>,
): RecordKind<RecordOf<F>> {
  type R = RecordOf<F>;
  let next = FIRST_FIELD;
  const fields = declared.fields.map((each) =>
    makeField(each, each.type === "symbol" || each.type === "timeframe" ? SERIES : each.name === "ts" ? TS : next++)
  );
  const own = fields.filter(({ place }) => place !== SERIES);
  const stored = [...own.filter(({ place }) => place === TS), makeField(RECEIVED, RECEIVED_AT)]
    .concat(own.filter(({ place, type }) => place !== TS && type !== "flag"));
  const all = [...own, stored[1]];
  const symbolAt = fields.findIndex(({ type }) => type === "symbol");
  const timeframeAt = fields.findIndex(({ type }) => type === "timeframe");
  const { name, timeframe, symbolOf, overAt } = declared;
  const coded = own.filter(({ type }) => type === "enum");
  const summed = own.filter(isNumber);
  const whole = own.filter(({ type }) => type === "int8");
  const sumOf = compileSum(summed);
  const write = compileWriter(own);
  /** Whether the cell is the number itself, by index in `own`. */
  const isCounted = own.map((field) => isNumber(field) || field.type === "timestamptz");
  const textPlaces = own.filter(isText).map(({ place }) => place);
  const counted = own.filter((field) => !isText(field) && field.place !== TS);
  const required = counted.filter(({ optional }) => !optional);
  const maybe = counted.filter(({ optional }) => optional);
  const Row = makeRow(fields);
  const names = ["provider", ...fields.map(({ name }) => name), "receivedAt"];
  const seriesReasons = new WeakMap<SeriesDictionary, (string | undefined)[]>();
  /** The dictionary used last: consecutive frames mostly share one. */
  const last: { series?: SeriesDictionary; reasons: (string | undefined)[] } = { reasons: [] };

  function checkSeries(symbol: string, timeframe: string): string | undefined {
    if (timeframeAt >= 0 && !TIMEFRAMES.has(timeframe)) {
      return `timeframe is not known: ${quote(timeframe)}, known are ${[...TIMEFRAMES.keys()].join(" ")}`;
    }
    return checkSymbol(symbol);
  }

  /** Finds numbers that are not of type `int8`: readers of bytes and messages take any number. */
  function checkWhole(valueOf: (field: Field) => number | undefined): string | undefined {
    for (const field of whole) {
      const value = valueOf(field);
      if (Number.isSafeInteger(value) || field.optional && (value === undefined || Number.isNaN(value))) continue;
      return `${field.name} is not a whole number below 2^53: ${value}`;
    }
  }

  /** Finds values that no reader writes: infinite numbers, and codes of messages beyond the field's values. */
  function checkCells({ cells, stride }: Columns, at: number): string | undefined {
    let sum = 0;
    for (let each = 0; each < required.length; each++) sum += cells[required[each].place * stride + at];
    for (let each = 0; each < maybe.length; each++) {
      const cell = cells[maybe[each].place * stride + at];
      if (cell === cell) sum += cell;
    }
    // A sum is NaN or infinite if any part is: one test for the many good records.
    if (Number.isFinite(sum)) {
      return whole.length === 0 ? undefined : checkWhole(({ place }) => cells[place * stride + at]);
    }
    for (const { name, place, type, optional, expected = "known" } of own) {
      const cell = cells[place * stride + at];
      if (place === TS || isText({ type }) || Number.isFinite(cell) || (optional && Number.isNaN(cell))) continue;
      return type === "enum" || type === "date"
        ? `${name} is not ${expected}`
        : `${name} is not a finite number: ${cell}`;
    }
  }

  const cursor = (columns: Columns, at = 0) => new Row(columns, at) as unknown as Cursor<R>;
  function row(columns: Columns, at: number): R {
    const view = cursor(columns, at) as unknown as Record<string, unknown>;
    const made: Record<string, unknown> = {};
    for (const name of names) {
      const value = view[name];
      if (value !== undefined) made[name] = value;
    }
    return made as unknown as R;
  }

  return {
    name,
    table: declared.table,
    view: declared.view,
    fields,
    places: next,
    textPlaces,
    columns: stored.map((field) => columnOf(field, fields)),
    keyColumns: declared.key.map((name) => fields.find((field) => field.name === name)!.column ?? snake(name)),
    revisions: declared.revisions,
    wire: [...wireNames(timeframeAt >= 0), ...all.map(wireField)],
    timeframe,
    derivesSymbol: symbolOf !== undefined,
    read(values, columns, receivedAt, context) {
      const symbol = values[symbolAt];
      if (typeof symbol !== "string" && !(symbolOf !== undefined && isAbsent(symbol))) {
        return `symbol is not text: ${quote(symbol)}`;
      }
      for (let at = 0; at < fields.length; at++) {
        if (fields[at].place === SERIES) continue;
        const problem = fields[at].read(values[at], columns, context);
        if (problem !== undefined) return problem;
      }
      const { provider } = context;
      columns.cells[RECEIVED_AT * columns.stride + columns.count] = receivedAt;
      const given = timeframeAt < 0 ? timeframe! : values[timeframeAt];
      const of = isAbsent(given) ? context.timeframe : String(given);
      const derived = symbolOf !== undefined && isAbsent(symbol);
      const is = derived ? symbolOf(cursor(columns, columns.count)) : symbol as string;
      columns.cells[columns.count] = columns.series.codeOf(provider, is, of);
      columns.count++;
    },
    add(given, columns, source) {
      const record = given as unknown as Record<string, unknown>;
      const { symbol } = record;
      const provider = source === undefined ? record.provider : source.provider;
      const receivedAt = source === undefined ? record.receivedAt : source.receivedAt;
      const of = timeframeAt < 0 ? timeframe : record.timeframe;
      if (typeof provider !== "string") return `provider is not text: ${provider}`;
      if (typeof symbol !== "string") return `symbol is not text: ${symbol}`;
      if (typeof of !== "string") return `timeframe is not text: ${of}`;
      const { cells, stride, texts, count } = columns;
      if (typeof receivedAt !== "number") return `receivedAt is not number: ${receivedAt}`;
      cells[RECEIVED_AT * stride + count] = receivedAt;
      const isWritten = write?.(record, cells, stride, count) ?? false;
      for (let at = 0; !isWritten && at < own.length; at++) {
        const field = own[at];
        const value = record[field.name];
        if (typeof value === "number" && isCounted[at]) {
          if (value !== value && field.optional) return `${field.name} is not a finite number: ${value}`;
          cells[field.place * stride + count] = value;
        } else if (value !== undefined || !field.optional) {
          const problem = put(field, value, columns);
          if (problem !== undefined) return problem;
        } else if (texts.length > 0 && isText(field)) texts[field.place][count] = undefined;
        else cells[field.place * stride + count] = NaN;
      }
      cells[SERIES * stride + count] = columns.series.codeOf(provider, symbol, of);
      columns.count++;
    },
    cursor,
    row,
    toJSON(columns, at) {
      const record = row(columns, at);
      return { ...record, ts: formatTime(record.ts) };
    },
    validate(record, now) {
      const given = record as unknown as Record<string, unknown>;
      if (!Number.isFinite(sumOf(given))) {
        const name = summed.map(({ name }) => name).find((name) =>
          given[name] !== undefined && !Number.isFinite(given[name])
        );
        if (name !== undefined) return `${name} is not a finite number: ${given[name]}`;
      }
      const fraction = checkWhole(({ name }) => given[name] as number | undefined);
      if (fraction !== undefined) return fraction;
      for (const { name, values, expected = "known" } of coded) {
        const value = given[name];
        if (!(Object.hasOwn(values!, String(value)))) return `${name} is not ${expected}: ${quote(value)}`;
      }
      const of = timeframe ?? (record as { timeframe?: string }).timeframe!;
      return declared.validate(record) ?? checkTime(record.ts, now) ?? checkSeries(record.symbol, of);
    },
    findUnsound(columns, now) {
      const { cells, stride, count, series } = columns;
      if (series !== last.series) {
        last.series = series;
        last.reasons = seriesReasons.get(series) ?? [];
        seriesReasons.set(series, last.reasons);
      }
      const { reasons } = last;
      for (let code = reasons.length; code < series.keys.length; code++) {
        const key = series.keys[code];
        reasons.push(checkProvider(key.provider) ?? checkSeries(key.symbol, key.timeframe));
      }
      const view = cursor(columns);
      let unsound: Map<number, string> | undefined;
      for (let at = 0; at < count; at++) {
        view.at = at;
        const reason = checkCells(columns, at) ?? declared.validate(view) ?? checkTime(cells[TS * stride + at], now) ??
          reasons[cells[at]];
        if (reason !== undefined) (unsound ??= new Map()).set(at, reason);
      }
      return unsound ?? NONE;
    },
    overAt,
  };
}

const NONE: ReadonlyMap<number, string> = new Map();

/** Writes a value that is not a number to a row; returns the problem in words. */
function put(field: Field, value: unknown, { cells, stride, texts, count }: OpenColumns): string | undefined {
  const { name, type, place, expected = "known" } = field;
  if (type === "enum" || type === "date") {
    const cell = type === "date" ? readDay(value) : valuesOf(field).indexOf(value as string);
    if (!(cell >= 0)) return `${name} is not ${expected}: ${quote(value)}`;
    cells[place * stride + count] = cell;
  } else if (type === "jsonb" && value !== undefined) texts[place][count] = JSON.stringify(value);
  else if (type === "text" && typeof value === "string") texts[place][count] = value;
  else return `${name} is not ${wireField(field).type}: ${value}`;
}

const valuesOf = ({ values }: FieldDeclaration): string[] => Object.keys(values!);

/** The column of a field. All columns have the same properties in one order, so that reading them is fast. */
function columnOf(field: Field, fields: readonly Field[]): Column {
  const { name, type, optional, place, values } = field;
  const flag = fields.find(({ marks }) => marks?.field === name)?.marks;
  const byte = (code: string) => code.charCodeAt(0);
  return {
    name: field.column ?? snake(name),
    type: type === "enum" ? "char" : type as ColumnType,
    optional,
    place,
    microseconds: type !== "timestamptz" ? undefined : place === RECEIVED_AT ? 1 : 1000,
    codes: values && Object.values(values).map(byte),
    mark: flag && { place: named(fields, flag), from: byte(flag.from), to: byte(flag.to) },
  };
}

/** Place of the field named by `marks`. */
const named = (fields: readonly Field[], marks: Field["marks"]) => fields.find((each) => each.marks === marks)!.place;

/** The names of a series in messages. */
function wireNames(withTimeframe: boolean): WireField[] {
  const names = ["provider", "symbol", ...(withTimeframe ? ["timeframe"] : [])];
  return names.map((name) => ({ name, type: "text" as const, place: SERIES }));
}

function wireField(field: Field): WireField {
  const { name, optional, place } = field;
  const common = { name, place, ...(optional && { optional }) };
  if (field.type === "jsonb") return { ...common, type: "json" };
  if (field.type === "text") return { ...common, type: "text" };
  if (field.type === "date") return { ...common, type: "text", text: { of: formatDay, read: readDay } };
  if (field.type !== "enum") return { ...common, type: "number" };
  const values = valuesOf(field);
  const read = (text: string) => values.includes(text) ? values.indexOf(text) : NaN;
  return { ...common, type: "text", text: { of: (cell) => values[cell], read } };
}
