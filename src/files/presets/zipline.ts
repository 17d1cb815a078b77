import { ohlcv, type Preset } from "../preset.ts";

/** zipline, csvdir, minutes. */
export const zipline: Preset = {
  name: "zipline",
  about: "zipline, csvdir, minutes",
  dialect: {
    columns: { ts: "date", ...ohlcv("open", "high", "low", "close", "volume") },
    timeframe: "1m",
    timeZone: "UTC",
    stamp: "end",
    symbolFrom: ["minute/{symbol}.csv"],
  },
  file: "minute/AAPL.csv",
  example: ["date,open,high,low,close,volume", "2024-01-02 14:31:00,187.15,187.44,187.10,187.30,500123"],
};
