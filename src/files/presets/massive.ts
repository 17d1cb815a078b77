import { ohlcv, type Preset } from "../preset.ts";

/** Massive (Polygon), flat files of minutes and days. */
export const massive: Preset = {
  name: "massive",
  about: "Massive (Polygon), flat files of minutes and days",
  dialect: {
    columns: {
      symbol: "ticker",
      ts: "window_start",
      trades: "transactions",
      ...ohlcv("open", "high", "low", "close", "volume"),
    },
    timeUnit: "ns",
    stamp: "start",
    symbolFrom: ["{timeframe}_aggs_v1/*/*/{date}.csv"],
  },
  signatures: [{ header: ["ticker", "window_start", "transactions"] }],
  file: "us_stocks_sip/minute_aggs_v1/2025/04/2025-04-16.csv",
  example: [
    "ticker,volume,open,close,high,low,window_start,transactions",
    "AAPL,4930,200.29,200.5,200.63,200.29,1744792500000000000,129",
  ],
  notes: "A bar of a day begins at midnight in New York.",
};
