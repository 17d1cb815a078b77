/**
 * Rows of a file by its plan, read in their bytes: for lines that are as most are.
 *
 * @module
 */
import type { Plan } from "../../files/plan.ts";
import { type OpenColumns, RECEIVED_AT, SERIES, TS } from "../../records/columns.ts";
import { isNumber } from "../../records/field.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { ParseContext } from "../../records/record.ts";
import { readDecimal } from "./bytes/decimal.ts";
import { createRowScanner } from "./bytes/rows.ts";
import { UNUSUAL } from "./plain_line.ts";
import { createSeriesReader } from "./series.ts";

/**
 * Reads the line that begins at `from` into a row, and returns where the next begins, or `to`; {@linkcode UNUSUAL} where it
 * could not, and then the row must be cleared.
 */
export type PlannedBytes = (
  bytes: Uint8Array,
  from: number,
  to: number,
  into: OpenColumns,
  receivedAt: number,
) => number;

const SPACE = 32;
const NO_QUOTE = -1;

/**
 * Makes a reader; `undefined` where the plan asks for more: rows of JSON, sums, timeframes by row, or texts for no value that
 * are numbers.
 */
export function createPlannedBytes(
  plan: Plan,
  kind: RecordKind,
  { provider, timeframe }: ParseContext,
): PlannedBytes | undefined {
  const { sources, clock, delimiter, quote, width, scale, absolute, dialect } = plan;
  const { fields } = kind;
  const columnOf = sources.map((source) =>
    source?.from === "column" && source.places.length === 1 ? source.places[0] : -1
  );
  const isPlaced = sources.every((source, at) =>
    source === undefined || columnOf[at] >= 0 || source.from === "constant" && fields[at].place === SERIES
  );
  const clockColumn = clock?.from === "column" ? clock.places[0] : -1;
  const find = (name: string) => fields.findIndex((field) => field.name === name);
  const [symbolAt, timeframeAt, timeAt] = [find("symbol"), find("timeframe"), find("ts")];
  const hasOwnTimeframe = timeframeAt >= 0 && sources[timeframeAt]?.from === "column";
  const isOther = fields.some((field, at) => columnOf[at] >= 0 && at !== symbolAt && at !== timeAt && !isNumber(field));
  const hasNumericNull = [...plan.nulls].some((text) => text !== "" && Math.abs(Number(text)) < 2 ** 53);
  if (plan.isObjects || !isPlaced || hasOwnTimeframe || isOther || hasNumericNull || scale?.integersOnly) {
    return undefined;
  }
  if (columnOf[timeAt] < 0 || clock !== undefined && clockColumn < 0 || kind.derivesSymbol) return undefined;

  const used = Math.max(clockColumn, ...columnOf) + 1;
  const row = createRowScanner({
    delimiter: delimiter.charCodeAt(0),
    quote: quote === undefined ? NO_QUOTE : quote.charCodeAt(0),
    width: used,
  });
  const mark = (dialect.decimal ?? ".").charCodeAt(0);
  const divisor = scale === undefined || scale.factor >= 1 ? 1 : Math.round(1 / scale.factor);
  const factor = scale === undefined || scale.factor < 1 ? 1 : scale.factor;
  const numbers = fields.flatMap((field, at) => columnOf[at] >= 0 && isNumber(field) ? [at] : []);
  const numberColumns = Int32Array.from(numbers, (at) => columnOf[at]);
  const numberPlaces = Int32Array.from(numbers, (at) => fields[at].place);
  const isNeeded = Uint8Array.from(numbers, (at) => fields[at].isNeeded ? 1 : 0);
  const isPrice = Uint8Array.from(numbers, (at) => PRICES.has(fields[at].name) ? 1 : 0);
  const defaults = fields.filter((field, at) => field.default !== undefined && columnOf[at] < 0);
  const defaultPlaces = Int32Array.from(defaults, ({ place }) => place);
  const defaultCells = Float64Array.from(defaults, (field) => Object.keys(field.values!).indexOf(field.default!));
  const symbolColumn = columnOf[symbolAt];
  const timeColumn = columnOf[timeAt];
  const times = plan.timesOf(timeframe);
  const series = createSeriesReader(provider, timeframe);
  const symbol = sources[symbolAt];
  const constant = new TextEncoder().encode(symbol?.from === "constant" ? symbol.value : "");
  /** The last field that was trimmed. */
  let start = 0;
  let end = 0;

  function trim(column: number): void {
    start = row.starts[column];
    end = row.ends[column];
    while (start < end && row.bytes[start] === SPACE) start++;
    while (end > start && row.bytes[end - 1] === SPACE) end--;
  }

  return (bytes, from, to, into, receivedAt) => {
    const next = row.scan(bytes, from, to);
    if (width === undefined ? row.count < used : row.count !== width) return UNUSUAL;
    const { cells, stride, count } = into;
    for (let at = 0; at < numberColumns.length; at++) {
      trim(numberColumns[at]);
      if (start === end) {
        if (isNeeded[at] === 1) return UNUSUAL;
        continue;
      }
      let value = readDecimal(row.bytes, start, end, mark);
      if (isPrice[at] === 1) value = (absolute ? Math.abs(value) : value) / divisor * factor;
      if (!Number.isFinite(value)) return UNUSUAL;
      cells[numberPlaces[at] * stride + count] = value;
    }
    trim(timeColumn);
    const timeStart = start;
    const timeEnd = end;
    let ms: number;
    if (clockColumn < 0) ms = times.read(row.bytes, timeStart, timeEnd);
    else {
      trim(clockColumn);
      ms = times.readSplit(row.bytes, timeStart, timeEnd, start, end);
    }
    if (Number.isNaN(ms)) return UNUSUAL;
    cells[TS * stride + count] = ms;
    cells[RECEIVED_AT * stride + count] = receivedAt;
    for (let at = 0; at < defaultPlaces.length; at++) cells[defaultPlaces[at] * stride + count] = defaultCells[at];
    series.begin(into.series);
    if (symbolColumn >= 0) trim(symbolColumn);
    if (symbolColumn >= 0 && start === end) return UNUSUAL;
    cells[SERIES * stride + count] = symbolColumn >= 0
      ? series.codeOf(row.bytes, start, end)
      : series.codeOf(constant, 0, constant.length);
    into.count++;
    return next;
  };
}

/** Prices, which a scale is for. */
export const PRICES: ReadonlySet<string> = new Set(["open", "high", "low", "close", "vwap"]);
