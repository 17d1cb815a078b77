/**
 * News: a headline about a symbol.
 *
 * @module
 */
import { quote } from "./quote.ts";
import type { MarketRecord, RecordKind } from "./record.ts";
import { checkSymbol } from "./symbol.ts";
import { checkTime, formatTime } from "./time.ts";

/** One piece of news about one symbol; `ts` is when it was published. */
export interface News extends MarketRecord {
  /** What the source calls it. */
  readonly id: string;
  readonly headline: string;
  readonly url?: string;
  /** Who wrote it. */
  readonly source?: string;
}

const TEXTS = ["id", "headline", "url", "source"] as const;
const MAX_LENGTHS: Record<typeof TEXTS[number], number> = { id: 200, headline: 2000, url: 2000, source: 200 };

/** The kind `news`. */
export const news: RecordKind<News> = {
  name: "news",
  table: "news_item",
  view: "news",
  columns: [
    { name: "ts", type: "timestamptz", value: ({ ts }) => Math.round(ts * 1000) },
    { name: "received_at", type: "timestamptz", value: ({ receivedAt }) => receivedAt },
    { name: "id", type: "text", value: ({ id }) => id },
    { name: "headline", type: "text", value: ({ headline }) => headline },
    { name: "url", type: "text", optional: true, value: ({ url }) => url },
    { name: "source", type: "text", optional: true, value: ({ source }) => source },
  ],
  keyColumns: ["ts", "id"],
  fields: [
    { name: "symbol", aliases: ["ticker"] },
    { name: "ts", aliases: ["timestamp", "time", "published", "created_at"] },
    { name: "id", aliases: [] },
    { name: "headline", aliases: ["title"] },
    { name: "url", aliases: ["link"], optional: true },
    { name: "source", aliases: ["author"], optional: true },
  ],

  parse([symbol, time, id, headline, url, source], receivedAt, context) {
    if (typeof symbol !== "string") return `symbol is not text: ${quote(symbol)}`;
    const ts = context.parseTime(time);
    if (Number.isNaN(ts)) return `ts is not ${context.timeFormat}: ${quote(time)}`;
    if (typeof id !== "string" && typeof id !== "number") return `id is not text: ${quote(id)}`;
    if (typeof headline !== "string") return `headline is not text: ${quote(headline)}`;
    const optional = { url, source };
    const given = Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined && value !== ""),
    );
    const bad = Object.entries(given).find(([, value]) => typeof value !== "string");
    if (bad !== undefined) return `${bad[0]} is not text: ${quote(bad[1])}`;
    return { provider: context.provider, symbol, ts, id: String(id), headline, ...given, receivedAt };
  },

  validate(record, now) {
    for (const name of TEXTS) {
      const value = record[name];
      if (value === undefined) continue;
      if (value.length === 0) return `${name} is empty`;
      if (value.length > MAX_LENGTHS[name]) {
        return `${name} is longer than ${MAX_LENGTHS[name]} characters: ${value.length}`;
      }
      // PostgreSQL's text has no such character.
      if (value.includes("\0")) return `${name} has a null character`;
    }
    return checkTime(record.ts, now) ?? checkSymbol(record.symbol);
  },

  series: ({ provider, symbol }) => ({ provider, symbol, timeframe: "news" }),

  wire: {
    fields: [
      { name: "provider", type: "text", value: ({ provider }) => provider },
      { name: "symbol", type: "text", value: ({ symbol }) => symbol },
      { name: "ts", type: "number", value: ({ ts }) => ts },
      { name: "receivedAt", type: "number", value: ({ receivedAt }) => receivedAt },
      ...TEXTS.map((name) => ({
        name,
        type: "text" as const,
        ...(name === "url" || name === "source" ? { optional: true as const } : {}),
        value: (record: News) => record[name],
      })),
    ],
    reader: ([provider, symbol, ts, receivedAt, ...texts]) => (at) => {
      const record: Record<string, unknown> = {
        provider: provider[at],
        symbol: symbol[at],
        ts: ts[at],
        receivedAt: receivedAt[at],
      };
      for (const [place, name] of TEXTS.entries()) if (texts[place][at] !== undefined) record[name] = texts[place][at];
      return record as unknown as News;
    },
  },

  toJSON: (record) => ({ ...record, ts: formatTime(record.ts) }),
};
