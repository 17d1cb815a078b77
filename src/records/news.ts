/**
 * News: a headline about a symbol.
 *
 * @module
 */
import { defineKind } from "./define_kind.ts";

/** Longest texts, in UTF-16 units. */
const MAX_LENGTHS = { id: 200, headline: 2000, url: 2000, source: 200 } as const;
const TEXTS = Object.keys(MAX_LENGTHS) as (keyof typeof MAX_LENGTHS)[];

/** The kind `news`: one piece of news about one symbol. */
export const news = defineKind({
  name: "news",
  table: "news_item",
  view: "news",
  timeframe: "news",
  fields: [
    { name: "symbol", type: "symbol", aliases: ["ticker"] },
    {
      name: "ts",
      type: "timestamptz",
      aliases: ["timestamp", "time", "published", "created_at"],
      about: "when it was published",
    },
    { name: "id", type: "text", takesNumbers: true, about: "what the source calls it" },
    { name: "headline", type: "text", aliases: ["title"] },
    { name: "url", type: "text", aliases: ["link"], optional: true },
    { name: "source", type: "text", aliases: ["author"], optional: true, about: "who wrote it" },
  ],
  key: ["ts", "id"],
  validate(record) {
    for (const name of TEXTS) {
      const value = record[name];
      if (value === undefined) continue;
      if (value.length === 0) return `${name} is empty`;
      if (value.length > MAX_LENGTHS[name]) {
        return `${name} is longer than ${MAX_LENGTHS[name]} characters: ${value.length}`;
      }
      // PostgreSQL's text cannot have this character.
      if (value.includes("\0")) return `${name} has a null character`;
    }
  },
});

/** A piece of news as an object. */
export type News = ReturnType<typeof news.row>;
