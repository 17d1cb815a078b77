import { ohlcv, type Preset } from "../preset.ts";

/** Stooq, daily bars of one symbol. */
export const stooqCsv: Preset = {
  name: "stooq-csv",
  about: "Stooq, daily bars of one symbol",
  dialect: {
    columns: { ts: "Date", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    timeframe: "1d",
    symbolFrom: ["{symbol}_d.csv"],
  },
  file: "aapl_us_d.csv",
  example: ["Date,Open,High,Low,Close,Volume", "2024-01-02,187.15,188.44,183.885,185.64,82488674"],
};
