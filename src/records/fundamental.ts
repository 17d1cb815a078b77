/**
 * The fundamental: figures of a company's report for one period.
 *
 * @module
 */
import { parseDecimal } from "./number.ts";
import { quote } from "./quote.ts";
import type { Column, MarketRecord, RecordKind } from "./record.ts";
import { checkSymbol } from "./symbol.ts";
import { checkTime, formatTime } from "./time.ts";

/** Figures of one period; `ts` is the time as of which they were known. In the currency of the report. */
export interface Fundamental extends MarketRecord {
  /** What the figures are of, as the source writes it: `2024Q1`, `FY2023`, `TTM`. */
  readonly period: string;
  readonly totalAssets?: number;
  readonly totalLiabilities?: number;
  readonly netIncome?: number;
  /** Earnings per share, diluted where the source gives both. */
  readonly eps?: number;
  /** Further figures by name. */
  readonly items?: Readonly<Record<string, number>>;
}

const NUMBERS = ["totalAssets", "totalLiabilities", "netIncome", "eps"] as const;
const ALIASES: Record<typeof NUMBERS[number], readonly string[]> = {
  totalAssets: ["total_assets", "assets"],
  totalLiabilities: ["total_liabilities", "liabilities"],
  netIncome: ["net_income"],
  eps: ["earnings_per_share", "diluted_eps"],
};
const MAX_PERIOD_LENGTH = 32;
/** Most further figures, and the longest name of one. */
const MAX_ITEMS = 500;
const MAX_NAME_LENGTH = 100;

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const columns: readonly Column<Fundamental>[] = [
  { name: "ts", type: "timestamptz", value: ({ ts }) => Math.round(ts * 1000) },
  { name: "received_at", type: "timestamptz", value: ({ receivedAt }) => receivedAt },
  ...NUMBERS.map((name): Column<Fundamental> => ({
    name: snake(name),
    type: "float8",
    optional: true,
    value: (record) => record[name],
  })),
  { name: "period", type: "text", value: ({ period }) => period },
  {
    name: "items",
    type: "jsonb",
    optional: true,
    value: ({ items }) => items === undefined ? undefined : JSON.stringify(items),
  },
];

/** The kind `fundamental`. */
export const fundamental: RecordKind<Fundamental> = {
  name: "fundamental",
  table: "fundamental",
  view: "fundamentals",
  columns,
  keyColumns: ["ts", "period"],
  fields: [
    { name: "symbol", aliases: ["ticker"] },
    { name: "period", aliases: ["fiscal_period"] },
    { name: "ts", aliases: ["as_of", "asOf", "timestamp", "time", "date"] },
    ...NUMBERS.map((name) => ({ name, aliases: ALIASES[name], isNumber: true as const, optional: true as const })),
    { name: "items", aliases: [], optional: true },
  ],

  parse(values, receivedAt, context) {
    const [symbol, period, time, ...rest] = values;
    if (typeof symbol !== "string") return `symbol is not text: ${quote(symbol)}`;
    if (isAbsent(period)) return `period is not text: ${quote(period)}`;
    const ts = context.parseTime(time);
    if (Number.isNaN(ts)) return `ts is not ${context.timeFormat}: ${quote(time)}`;
    const figures: Record<string, number> = {};
    for (const [at, name] of NUMBERS.entries()) {
      if (isAbsent(rest[at])) continue;
      figures[name] = parseDecimal(rest[at]);
      if (!Number.isFinite(figures[name])) return `${name} is not a finite number: ${quote(rest[at])}`;
    }
    const items = readItems(rest[NUMBERS.length]);
    if (typeof items === "string") return items;
    return {
      provider: context.provider,
      symbol,
      period: String(period),
      ts,
      ...figures,
      ...(items === undefined ? {} : { items }),
      receivedAt,
    };
  },

  validate(record, now) {
    for (const name of NUMBERS) {
      const value = record[name];
      if (value !== undefined && !Number.isFinite(value)) return `${name} is not a finite number: ${value}`;
    }
    if (record.period.length === 0 || record.period.length > MAX_PERIOD_LENGTH) {
      return `period is not of 1 to ${MAX_PERIOD_LENGTH} characters: ${quote(record.period)}`;
    }
    const items = Object.entries(record.items ?? {});
    if (items.length > MAX_ITEMS) return `items are more than ${MAX_ITEMS}: ${items.length}`;
    for (const [name, value] of items) {
      if (name.length > MAX_NAME_LENGTH) {
        return `items has a name of over ${MAX_NAME_LENGTH} characters: ${quote(name)}`;
      }
      if (!Number.isFinite(value)) return `items has a figure that is not a finite number: ${quote(name)}`;
    }
    return checkTime(record.ts, now) ?? checkSymbol(record.symbol);
  },

  series: ({ provider, symbol }) => ({ provider, symbol, timeframe: "fundamental" }),

  wire: {
    fields: [
      { name: "provider", type: "text", value: ({ provider }) => provider },
      { name: "symbol", type: "text", value: ({ symbol }) => symbol },
      { name: "period", type: "text", value: ({ period }) => period },
      { name: "ts", type: "number", value: ({ ts }) => ts },
      { name: "receivedAt", type: "number", value: ({ receivedAt }) => receivedAt },
      { name: "items", type: "json", optional: true, value: ({ items }) => items },
      ...NUMBERS.map((name) => ({
        name,
        type: "number" as const,
        optional: true as const,
        value: (record: Fundamental) => record[name],
      })),
    ],
    reader: ([provider, symbol, period, ts, receivedAt, items, ...figures]) => (at) => {
      const record: Record<string, unknown> = {
        provider: provider[at],
        symbol: symbol[at],
        period: period[at],
        ts: ts[at],
        receivedAt: receivedAt[at],
      };
      if (items[at] !== undefined) record.items = items[at];
      for (const [place, name] of NUMBERS.entries()) {
        if (figures[place][at] !== undefined) record[name] = figures[place][at];
      }
      return record as unknown as Fundamental;
    },
  },

  toJSON: (record) => ({ ...record, ts: formatTime(record.ts) }),
};

/** Further figures: an object of numbers, or its JSON. A text is what is wrong. */
function readItems(value: unknown): Record<string, number> | string | undefined {
  if (isAbsent(value)) return undefined;
  let items = value;
  try {
    if (typeof value === "string") items = JSON.parse(value);
  } catch {
    return `items is not JSON: ${quote(value)}`;
  }
  if (typeof items !== "object" || items === null || Array.isArray(items)) {
    return `items is not an object: ${quote(value)}`;
  }
  const bad = Object.entries(items).find(([, figure]) => typeof figure !== "number");
  return bad === undefined ? items as Record<string, number> : `items has a figure that is no number: ${quote(bad[0])}`;
}

const isAbsent = (value: unknown) => value === undefined || value === null || value === "";
