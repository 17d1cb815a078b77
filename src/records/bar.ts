/**
 * The OHLCV bar.
 *
 * @module
 */
import { defineKind } from "./define_kind.ts";
import { TIMEFRAMES } from "./timeframe.ts";

/** The kind `bar`: trades of one symbol during one timeframe. */
export const bar = defineKind({
  name: "bar",
  table: "bar",
  view: "bars",
  fields: [
    { name: "symbol", type: "symbol", aliases: ["ticker"] },
    { name: "timeframe", type: "timeframe", aliases: ["interval"], optional: true, about: "length of the bar" },
    { name: "ts", type: "timestamptz", aliases: ["timestamp", "time", "datetime", "date"], about: "start of the bar" },
    { name: "open", type: "float8", aliases: ["o"] },
    { name: "high", type: "float8", aliases: ["h"] },
    { name: "low", type: "float8", aliases: ["l"] },
    { name: "close", type: "float8", aliases: ["c"] },
    { name: "volume", type: "float8", aliases: ["v"], about: "traded amount; may be fractional" },
    { name: "vwap", type: "float8", aliases: ["vw"], optional: true, about: "volume-weighted average price" },
    { name: "trades", type: "int4", aliases: ["n", "count"], optional: true, about: "number of trades" },
    {
      name: "status",
      type: "enum",
      values: { final: "f", provisional: "p", correction: "c" },
      default: "final",
      expected: "known",
      about: "whether it is over, under way, or has replaced another",
    },
    {
      name: "fromHistory",
      type: "flag",
      aliases: ["from_history"],
      optional: true,
      // Readers see a final bar; only the order of observations distinguishes the two.
      marks: { field: "status", from: "f", to: "h" },
      about: "1 where history gave it when it had been over for some time, asked at `receivedAt`",
    },
  ],
  key: ["ts"],
  // A feed may repeat a plain bar after correcting it, so a later receipt alone does not make it right.
  revisions: { column: "status", codes: ["c", "h"], sameAs: { h: "f" } },
  validate({ open, high, low, close, volume, trades }) {
    if (volume < 0) return `volume is negative: ${volume}`;
    if (high < open || high < close) return `high is below max(open, close): ${high} < max(${open}, ${close})`;
    if (low > open || low > close) return `low is above min(open, close): ${low} > min(${open}, ${close})`;
    if (trades !== undefined && !(Number.isInteger(trades) && trades >= 0 && trades < 2 ** 31)) {
      return `trades is not a count: ${trades}`;
    }
  },
  overAt: ({ ts, timeframe }) => ts + (TIMEFRAMES.get(timeframe) ?? 0),
});

/** A bar as an object: frames have it as a row of columns. */
export type Bar = ReturnType<typeof bar.row>;
/** Whether a bar may still change, is final, or has replaced another. */
export type BarStatus = Bar["status"];
