import { ohlcv, type Preset } from "../preset.ts";

/** Stooq, bulk files of many symbols. */
export const stooq: Preset = {
  name: "stooq",
  about: "Stooq, bulk files of many symbols",
  dialect: {
    columns: {
      symbol: "<TICKER>",
      timeframe: "<PER>",
      date: "<DATE>",
      time: "<TIME>",
      ...ohlcv("<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"),
    },
    timeFormat: "%Y%m%d %H%M%S",
    timeZone: "Europe/Warsaw",
    stamp: "start",
  },
  signatures: [{ header: ["<TICKER>", "<PER>", "<OPENINT>"] }],
  file: "aapl.us.txt",
  example: [
    "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
    "AAPL.US,5,20260603,154500,312.21,312.36,311.91,311.95,5866,0",
  ],
};
