/**
 * Reads rows of a file by its plan: turns lines into the values of fields.
 *
 * @module
 */
import type { Plan, Source } from "../../files/plan.ts";
import { parseObject, valueAt } from "../../files/sample.ts";
import { splitLine } from "../../files/split.ts";
import { formatTime } from "../../records/time.ts";
import { clearRow, type OpenColumns } from "../../records/columns.ts";
import { isNumber } from "../../records/field.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { ParseContext } from "../../records/record.ts";
import { UNUSUAL } from "./plain_line.ts";
import { PRICES } from "./cells.ts";
import { createPlannedBytes } from "./planned_bytes.ts";
import { readValues } from "./values.ts";
import { BLANK, EMPTY, type LineReader, lineText, newlineAfter, ROW } from "./line.ts";

/** Most bytes of a time. */
const TIME_BYTES = 256;

/** A row, split into cells or parsed as an object. */
type Row = { readonly cells: readonly string[] } | { readonly object: Readonly<Record<string, unknown>> };

/** Creates a reader of rows; the context's timeframe applies to rows without one. */
export function createPlannedReader(plan: Plan, kind: RecordKind, given: ParseContext): LineReader {
  const { fields } = kind;
  const { timeframe } = given;
  /** Times are read before the record. */
  const context: ParseContext = { ...given, parseTime: (value) => value as number };
  const { sources, clock, nulls, delimiter, quote, width, trim, scale, absolute, isObjects } = plan;
  const place = (name: string) => fields.findIndex((field) => field.name === name);
  const [timeAt, timeframeAt] = [place("ts"), place("timeframe")];
  const prices = ["open", "high", "low", "close"].map(place).filter((at) => at >= 0);
  const isPrice = fields.map(({ name }) => PRICES.has(name));
  const needed = 1 + Math.max(0, ...[...sources, clock].flatMap((each) => each?.from === "column" ? each.places : []));
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(2 * TIME_BYTES);
  const values: unknown[] = [];

  function takeApart(line: string): Row | string {
    if (isObjects) {
      const object = parseObject(line);
      return object === undefined ? "line is not a JSON object" : { object };
    }
    const cells = splitLine(line, delimiter, quote);
    if (cells === undefined) return "line has an unclosed quote";
    if (width !== undefined && cells.length !== width) {
      return `line has not as many fields as the header: ${cells.length}, not ${width}`;
    }
    return cells.length < needed ? `line has fewer fields than are needed: ${cells.length}, not ${needed}` : { cells };
  }

  /** The text, number or other value of a source; `undefined` without a value. */
  function valueOf(source: Source | undefined, row: Row): unknown {
    if (source === undefined) return undefined;
    if (source.from === "constant") return source.value;
    let value: unknown;
    if (source.from === "key") {
      const { object } = row as { object: object };
      for (let at = 0; at < source.keys.length && value === undefined; at++) value = valueAt(object, source.keys[at]);
    } else {
      const { cells } = row as { cells: readonly string[] };
      if (source.places.length > 1) return addUp(source.places.map((each) => cells[each]));
      value = trim ? cells[source.places[0]]?.trim() : cells[source.places[0]];
    }
    return typeof value === "string" && nulls.has(value) || value === null ? undefined : value;
  }

  const addUp = (texts: readonly string[]) => texts.reduce((sum, text) => sum + plan.readNumber(text), 0);

  function numberOf(value: unknown, price: boolean): unknown {
    if (value === undefined) return undefined;
    const read = typeof value === "number" ? value : plan.readNumber(String(value));
    if (Number.isNaN(read)) return value;
    if (!price) return read;
    const positive = absolute ? Math.abs(read) : read;
    if (scale === undefined || scale.integersOnly && /[.eE]/.test(String(value))) return positive;
    // Division by a whole number gives the nearest result.
    return scale.factor < 1 ? positive / Math.round(1 / scale.factor) : positive * scale.factor;
  }

  function timeOf(row: Row, length: string): { ms: number; text: string; clock?: string } {
    const text = String(valueOf(sources[timeAt], row) ?? "");
    const times = plan.timesOf(length);
    const { written } = encoder.encodeInto(text.slice(0, TIME_BYTES / 4), bytes);
    if (clock === undefined) return { ms: times.read(bytes, 0, written), text };
    const clockText = String(valueOf(clock, row) ?? "");
    const end = written + encoder.encodeInto(clockText.slice(0, TIME_BYTES / 4), bytes.subarray(written)).written;
    return { ms: times.readSplit(bytes, 0, written, written, end), text, clock: clockText };
  }

  const timeframeOf = (row: Row) => {
    const text = valueOf(sources[timeframeAt], row);
    return text === undefined ? timeframe : plan.timeframeOf(String(text)) ?? String(text);
  };

  function fill(row: Row, values: unknown[]): string | undefined {
    const length = timeframeAt < 0 ? timeframe : timeframeOf(row);
    for (let at = 0; at < fields.length; at++) {
      if (at === timeAt) continue;
      const value = at === timeframeAt ? length : valueOf(sources[at], row);
      values[at] = isNumber(fields[at]) ? numberOf(value, isPrice[at]) : value;
    }
    if (prices.length > 0 && prices.every((at) => values[at] === undefined)) return EMPTY;
    const { ms, text, clock: clockText } = timeOf(row, length);
    values[timeAt] = ms;
    if (Number.isNaN(ms)) return `ts ${plan.timesOf(length).explain(text, clockText)}`;
  }

  /** Adds the record of a line, and returns the outcome. */
  function readText(text: string, columns: OpenColumns, receivedAt: number): string {
    const row = takeApart(text);
    if (typeof row === "string") return row;
    return fill(row, values) ?? readValues({ kind, context }, values, columns, receivedAt);
  }

  function describe(text: string): unknown {
    const row = takeApart(text);
    if (typeof row === "string") return { raw: text };
    fill(row, values);
    const ms = values[timeAt] as number;
    if (!Number.isNaN(ms)) values[timeAt] = formatTime(ms);
    else {
      const { text, clock: clockText } = timeOf(row, timeframeAt < 0 ? timeframe : timeframeOf(row));
      values[timeAt] = clockText === undefined ? text : `${text} ${clockText}`;
    }
    return Object.fromEntries(
      fields.map(({ name }, at) => [name, values[at]]).filter(([, value]) => value !== undefined),
    );
  }

  const readBytes = createPlannedBytes(plan, kind, context);
  let line = "";
  const reader = {
    outcome: BLANK,
    read(data: Uint8Array, from: number, to: number, columns: OpenColumns, receivedAt: number) {
      const next = readBytes === undefined ? UNUSUAL : readBytes(data, from, to, columns, receivedAt);
      if (next !== UNUSUAL) {
        reader.outcome = ROW;
        return next;
      }
      clearRow(columns);
      line = lineText(data, from, to);
      reader.outcome = line === "" ? BLANK : readText(line, columns, receivedAt);
      return Math.min(newlineAfter(data, from, to) + 1, to);
    },
    describe: () => describe(line),
  };
  return reader;
}
