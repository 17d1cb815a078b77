/**
 * The OHLCV bar.
 *
 * @module
 */
import type { Column, MarketRecord, RecordKind, Wire } from "./record.ts";
import { parseDecimal } from "./number.ts";
import { quote } from "./quote.ts";
import { checkSymbol } from "./symbol.ts";
import { checkTime, formatTime } from "./time.ts";
import { TIMEFRAMES } from "./timeframe.ts";

/** Whether more can be expected of a bar: nothing, the rest of its minute, or it has already replaced another. */
export type BarStatus = "final" | "provisional" | "correction";

/** What was traded of one symbol during one timeframe. `ts` is the **start** of that time. */
export interface Bar extends MarketRecord {
  /** A key of {@linkcode TIMEFRAMES}. */
  readonly timeframe: string;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** Traded amount; fractional for crypto and for fractional shares. */
  readonly volume: number;
  /** Volume-weighted average price, where the feed gives it. */
  readonly vwap?: number;
  /** Number of trades, where the feed gives it. */
  readonly trades?: number;
  readonly status: BarStatus;
  /**
   * `1` for a bar that history gave when it had been over for some time. `receivedAt` is then the moment when history was
   * asked. Absent for any other bar.
   */
  readonly fromHistory?: 1;
}

const STATUS_CODES: Record<BarStatus, string> = { final: "f", provisional: "p", correction: "c" };
/** A final bar from history. Readers see it as final; only the order of observations tells the two apart. */
const HISTORY_CODE = "h";
const STATUSES: ReadonlySet<string> = new Set(Object.keys(STATUS_CODES));

const columns: readonly Column<Bar>[] = [
  { name: "ts", type: "timestamptz", value: (bar) => Math.round(bar.ts * 1000) },
  { name: "open", type: "float8", value: (bar) => bar.open },
  { name: "high", type: "float8", value: (bar) => bar.high },
  { name: "low", type: "float8", value: (bar) => bar.low },
  { name: "close", type: "float8", value: (bar) => bar.close },
  { name: "volume", type: "float8", value: (bar) => bar.volume },
  { name: "vwap", type: "float8", optional: true, value: (bar) => bar.vwap },
  { name: "received_at", type: "timestamptz", value: (bar) => bar.receivedAt },
  { name: "trades", type: "int4", optional: true, value: (bar) => bar.trades },
  {
    name: "status",
    type: "char",
    value: (bar) => bar.fromHistory === 1 && bar.status === "final" ? HISTORY_CODE : STATUS_CODES[bar.status],
  },
];

const wire: Wire<Bar> = {
  fields: [
    { name: "provider", type: "text", value: (bar) => bar.provider },
    { name: "symbol", type: "text", value: (bar) => bar.symbol },
    { name: "timeframe", type: "text", value: (bar) => bar.timeframe },
    { name: "ts", type: "number", put: (bar, into, at) => void (into[at] = bar.ts) },
    { name: "open", type: "number", put: (bar, into, at) => void (into[at] = bar.open) },
    { name: "high", type: "number", put: (bar, into, at) => void (into[at] = bar.high) },
    { name: "low", type: "number", put: (bar, into, at) => void (into[at] = bar.low) },
    { name: "close", type: "number", put: (bar, into, at) => void (into[at] = bar.close) },
    { name: "volume", type: "number", put: (bar, into, at) => void (into[at] = bar.volume) },
    { name: "vwap", type: "number", optional: true, put: (bar, into, at) => void (into[at] = bar.vwap ?? NaN) },
    { name: "trades", type: "number", optional: true, put: (bar, into, at) => void (into[at] = bar.trades ?? NaN) },
    { name: "status", type: "text", value: (bar) => bar.status },
    { name: "receivedAt", type: "number", put: (bar, into, at) => void (into[at] = bar.receivedAt) },
    { name: "fromHistory", type: "number", optional: true, put: putFromHistory },
  ],
  reader: (columns) => {
    const [provider, symbol, timeframe, ts, open, high, low, close, volume, vwap, trades, status, receivedAt] = columns;
    const fromHistory = columns[13];
    const read = (at: number): Bar => ({
      provider: provider[at] as string,
      symbol: symbol[at] as string,
      timeframe: timeframe[at] as string,
      ts: ts[at] as number,
      open: open[at] as number,
      high: high[at] as number,
      low: low[at] as number,
      close: close[at] as number,
      volume: volume[at] as number,
      vwap: vwap[at] as number | undefined,
      trades: trades[at] as number | undefined,
      status: status[at] as BarStatus,
      receivedAt: receivedAt[at] as number,
    });
    return (at) => fromHistory[at] === 1 ? { ...read(at), fromHistory: 1 } : read(at);
  },
};

function putFromHistory(bar: Bar, into: Float64Array, at: number): void {
  into[at] = bar.fromHistory ?? NaN;
}

const NUMBERS = ["open", "high", "low", "close", "volume", "vwap", "trades"] as const;

/** The kind `bar`. */
export const bar: RecordKind<Bar> = {
  name: "bar",
  table: "bar",
  view: "bars",
  columns,
  keyColumns: ["ts"],
  // A feed may repeat a plain bar after it has corrected it, so the time of receipt alone does not tell which is right.
  revisions: { column: "status", codes: [STATUS_CODES.correction, HISTORY_CODE], sameAs: { [HISTORY_CODE]: "f" } },
  fields: [
    { name: "symbol", aliases: ["ticker"] },
    { name: "timeframe", aliases: ["interval"], optional: true },
    { name: "ts", aliases: ["timestamp", "time", "datetime", "date"] },
    { name: "open", aliases: ["o"], isNumber: true },
    { name: "high", aliases: ["h"], isNumber: true },
    { name: "low", aliases: ["l"], isNumber: true },
    { name: "close", aliases: ["c"], isNumber: true },
    { name: "volume", aliases: ["v"], isNumber: true },
    { name: "vwap", aliases: ["vw"], isNumber: true, optional: true },
    { name: "trades", aliases: ["n", "count"], isNumber: true, optional: true },
    { name: "status", aliases: [], optional: true },
    { name: "fromHistory", aliases: [], isNumber: true, optional: true },
  ],

  parse(values, receivedAt, context) {
    const [symbol, timeframe, time, open, high, low, close, volume, vwap, trades, status, fromHistory] = values;
    if (typeof symbol !== "string") return `symbol is not text: ${quote(symbol)}`;
    const ts = context.parseTime(time);
    if (Number.isNaN(ts)) return `ts is not ${context.timeFormat}: ${quote(time)}`;
    const parsed: Bar = {
      provider: context.provider,
      symbol,
      timeframe: isAbsent(timeframe) ? context.timeframe : String(timeframe),
      ts,
      open: parseDecimal(open),
      high: parseDecimal(high),
      low: parseDecimal(low),
      close: parseDecimal(close),
      volume: parseDecimal(volume),
      vwap: isAbsent(vwap) ? undefined : parseDecimal(vwap),
      trades: isAbsent(trades) ? undefined : parseDecimal(trades),
      status: isAbsent(status) ? "final" : status as BarStatus,
      receivedAt,
    };
    // A sum is NaN or infinite when any part is: one test for the many good records.
    if (
      !Number.isFinite(
        parsed.open + parsed.high + parsed.low + parsed.close + parsed.volume + (parsed.vwap ?? 0) +
          (parsed.trades ?? 0),
      )
    ) {
      for (const name of NUMBERS) {
        const at = bar.fields.findIndex((field) => field.name === name);
        if (parsed[name] !== undefined && !Number.isFinite(parsed[name])) {
          return `${name} is not a finite number: ${quote(values[at])}`;
        }
      }
    }
    if (fromHistory !== undefined && Number(fromHistory) === 1) return { ...parsed, fromHistory: 1 };
    return parsed;
  },

  validate(record, now) {
    const { open, high, low, close, volume } = record;
    // Comparisons with NaN are false, so these also hold only for numbers.
    const sound = high >= open && high >= close && low <= open && low <= close && volume >= 0 &&
      high < Infinity && low > -Infinity && volume < Infinity;
    if (!sound) return explainNumbers(record);
    if (record.vwap !== undefined && !Number.isFinite(record.vwap)) return explainNumbers(record);
    const { trades } = record;
    if (trades !== undefined && !(Number.isInteger(trades) && trades >= 0 && trades < 2 ** 31)) {
      return `trades is not a count: ${trades}`;
    }
    if (!TIMEFRAMES.has(record.timeframe)) {
      return `timeframe is not known: ${quote(record.timeframe)}, known are ${[...TIMEFRAMES.keys()].join(" ")}`;
    }
    const time = checkTime(record.ts, now);
    if (time !== undefined) return time;
    if (!STATUSES.has(record.status)) return `status is not known: ${quote(record.status)}`;
    return checkSymbol(record.symbol);
  },

  series: ({ provider, symbol, timeframe }) => ({ provider, symbol, timeframe }),

  overAt: ({ ts, timeframe }) => ts + (TIMEFRAMES.get(timeframe) ?? 0),

  wire,

  toJSON: (record) => ({ ...record, ts: formatTime(record.ts) }),
};

function explainNumbers(record: Bar): string {
  for (const name of NUMBERS) {
    const value = record[name];
    if (value !== undefined && !Number.isFinite(value)) return `${name} is not a finite number: ${value}`;
  }
  const { open, high, low, close, volume } = record;
  if (volume < 0) return `volume is negative: ${volume}`;
  if (high < Math.max(open, close)) return `high is below max(open, close): ${high} < max(${open}, ${close})`;
  return `low is above min(open, close): ${low} > min(${open}, ${close})`;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}
