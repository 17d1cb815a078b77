/**
 * Writes batches as CSV and as NDJSON.
 *
 * @module
 */
import type { BatchColumn, BatchType, BatchWriter, Values } from "./batch.ts";
import { quoteField, type WriteBytes } from "./column.ts";

type Value = string | number | bigint | null;

const encoder = new TextEncoder();
/** Rows joined into one text. */
const ROWS = 10_000;
const MS_A_DAY = 86_400_000;

/** Microseconds since 1970 as ISO 8601 in UTC, without trailing zeros. */
export function isoOfMicroseconds(us: bigint): string {
  const ms = us / 1000n - (us % 1000n < 0n ? 1n : 0n);
  const text = new Date(Number(ms)).toISOString();
  const rest = Number(us - ms * 1000n);
  if (rest !== 0) return `${text.slice(0, -1)}${String(rest).padStart(3, "0")}Z`;
  return text.endsWith(".000Z") ? `${text.slice(0, -5)}Z` : text;
}

const dayOf = (days: number) => new Date(days * MS_A_DAY).toISOString().slice(0, 10);
const numberOf = (value: number) => Object.is(value, -0) ? "-0" : String(value);

/** The text of a value by its type. */
const CSV: Readonly<Record<BatchType, (value: never) => string>> = {
  text: quoteField,
  json: quoteField,
  double: numberOf,
  int32: String,
  time: isoOfMicroseconds,
  date: dayOf,
};
const JSON_TEXT: Readonly<Record<BatchType, (value: never) => string>> = {
  text: (value: string) => JSON.stringify(value),
  json: (value: string) => value,
  // JSON has no infinite numbers.
  double: (value: number) => Number.isFinite(value) ? numberOf(value) : `"${value}"`,
  int32: String,
  time: (value: bigint) => `"${isoOfMicroseconds(value)}"`,
  date: (value: number) => `"${dayOf(value)}"`,
};

/** Writes CSV (RFC 4180) with a header; an empty field is an absent value. */
export function writeBatchCsv(columns: readonly BatchColumn[], write: WriteBytes): BatchWriter {
  let head = `${columns.map(({ name }) => quoteField(name)).join(",")}\n`;
  const formats = columns.map(({ type }) => CSV[type] as (value: Value) => string);
  const put = (text: string) => {
    const bytes = encoder.encode(head + text);
    head = "";
    return write(bytes);
  };
  const cell = (values: Values, at: number, row: number) => values[row] === null ? "" : formats[at](values[row]);
  return {
    async write({ count, columns }) {
      for (let from = 0; from < count; from += ROWS) {
        let text = "";
        for (let row = from; row < Math.min(count, from + ROWS); row++) {
          text += `${columns.map((values, at) => cell(values, at, row)).join(",")}\n`;
        }
        await put(text);
      }
    },
    end: () => head === "" ? Promise.resolve() : put(""),
  };
}

/** Writes an object a line, without absent values. */
export function writeBatchNdjson(columns: readonly BatchColumn[], write: WriteBytes): BatchWriter {
  const formats = columns.map(({ type }) => JSON_TEXT[type] as (value: Value) => string);
  const keys = columns.map(({ name }) => JSON.stringify(name));
  return {
    async write({ count, columns }) {
      for (let from = 0; from < count; from += ROWS) {
        let text = "";
        for (let row = from; row < Math.min(count, from + ROWS); row++) {
          const members = columns.flatMap((values, at) =>
            values[row] === null ? [] : `${keys[at]}:${formats[at](values[row])}`
          );
          text += `{${members.join(",")}}\n`;
        }
        await write(encoder.encode(text));
      }
    },
    async end() {},
  };
}
