import { ohlcv, type Preset } from "../preset.ts";

/** Interactive Brokers, ib_async and ib_insync, `util.df`. */
export const ib: Preset = {
  name: "ib",
  about: "Interactive Brokers, ib_async and ib_insync, `util.df`",
  dialect: {
    columns: { ts: "date", vwap: "average", trades: "barCount", ...ohlcv("open", "high", "low", "close", "volume") },
    stamp: "start",
    sessionDates: true,
  },
  signatures: [{ header: ["date", "average", "barCount"] }],
  file: "spy.csv",
  example: [
    "date,open,high,low,close,volume,average,barCount",
    "2025-06-13 09:30:00-04:00,527.67,528.67,527.25,528.67,441688.0,527.858,1749",
  ],
};
