import { ohlcv, type Preset } from "../preset.ts";

/** EODHD, daily. */
export const eodhdDaily: Preset = {
  name: "eodhd-daily",
  about: "EODHD, daily",
  dialect: {
    columns: { ts: "Date", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    timeframe: "1d",
    symbolFrom: ["{ticker}.csv"],
  },
  file: "AAPL.csv",
  example: [
    "Date,Open,High,Low,Close,Adjusted_close,Volume",
    "2024-01-02,187.15,188.44,183.885,185.64,184.2904,82488674",
  ],
  notes: "Prices are raw, the volume is adjusted for splits.",
};
