/**
 * The fundamental: figures of a company's report for one period.
 *
 * @module
 */
import { defineKind } from "./define_kind.ts";
import { quote } from "./quote.ts";

const MAX_PERIOD_LENGTH = 32;
/** Most further figures, and the longest name of one. */
const MAX_ITEMS = 500;
const MAX_NAME_LENGTH = 100;

/** The kind `fundamental`: figures of one period, in the currency of the report. */
export const fundamental = defineKind({
  name: "fundamental",
  table: "fundamental",
  view: "fundamentals",
  timeframe: "fundamental",
  fields: [
    { name: "symbol", type: "symbol", aliases: ["ticker"] },
    { name: "ts", type: "timestamptz", aliases: ["as_of", "asOf", "timestamp", "time", "date"], about: "known as of" },
    { name: "totalAssets", type: "float8", aliases: ["total_assets", "assets"], optional: true },
    { name: "totalLiabilities", type: "float8", aliases: ["total_liabilities", "liabilities"], optional: true },
    { name: "netIncome", type: "float8", aliases: ["net_income"], optional: true },
    { name: "eps", type: "float8", aliases: ["earnings_per_share", "diluted_eps"], optional: true, about: "diluted" },
    {
      name: "period",
      type: "text",
      aliases: ["fiscal_period"],
      takesNumbers: true,
      about: "`2024Q1`, `FY2023`, `TTM`",
    },
    {
      ...{ name: "items", type: "jsonb", optional: true, about: "further figures by name" } as const,
      ...{ example: { cash: 1 } as Readonly<Record<string, number>>, check: checkItems },
    },
  ],
  key: ["ts", "period"],
  validate({ period, items = {} }) {
    if (period.length === 0 || period.length > MAX_PERIOD_LENGTH) {
      return `period is not of 1 to ${MAX_PERIOD_LENGTH} characters: ${quote(period)}`;
    }
    const names = Object.keys(items);
    if (names.length > MAX_ITEMS) return `items are more than ${MAX_ITEMS}: ${names.length}`;
    for (const name of names) {
      if (name.length > MAX_NAME_LENGTH) {
        return `items has a name of over ${MAX_NAME_LENGTH} characters: ${quote(name)}`;
      }
      if (!Number.isFinite(items[name])) return `items has a figure that is not a finite number: ${quote(name)}`;
    }
  },
});

/** A fundamental as an object. */
export type Fundamental = ReturnType<typeof fundamental.row>;

function checkItems(items: unknown): string | undefined {
  if (typeof items !== "object" || items === null || Array.isArray(items)) return `is not an object: ${quote(items)}`;
  const bad = Object.entries(items).find(([, figure]) => typeof figure !== "number");
  return bad && `has a figure that is no number: ${quote(bad[0])}`;
}
