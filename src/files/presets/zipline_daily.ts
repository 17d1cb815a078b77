import { ohlcv, type Preset } from "../preset.ts";

/** zipline, csvdir, days. */
export const ziplineDaily: Preset = {
  name: "zipline-daily",
  about: "zipline, csvdir, days",
  dialect: {
    columns: { ts: "date", ...ohlcv("open", "high", "low", "close", "volume") },
    timeframe: "1d",
    symbolFrom: ["daily/{symbol}.csv"],
  },
  file: "daily/AAPL.csv",
  example: [
    "date,open,high,low,close,volume,dividend,split",
    "2024-01-02,187.15,188.44,183.885,185.64,82488674,0.0,1.0",
  ],
};
