import { ohlcv, type Preset } from "../preset.ts";

/** Sharadar SEP, from Nasdaq Data Link. */
export const sharadar: Preset = {
  name: "sharadar",
  about: "Sharadar SEP, from Nasdaq Data Link",
  dialect: {
    columns: { symbol: "ticker", ts: "date", ...ohlcv("open", "high", "low", "close", "volume") },
    timeframe: "1d",
  },
  signatures: [{ header: ["ticker", "closeadj", "closeunadj"] }],
  file: "SHARADAR_SEP.csv",
  example: [
    "ticker,date,open,high,low,close,volume,closeadj,closeunadj,lastupdated",
    "AAPL,2020-08-28,124.0,126.0,123.0,124.81,187000000,122.5,499.24,2020-08-28",
  ],
  notes: "Prices are adjusted for splits.",
};
