import { ohlcv, type Preset } from "../preset.ts";

/** Alpha Vantage, CSV. */
export const alphavantage: Preset = {
  name: "alphavantage",
  about: "Alpha Vantage, CSV",
  dialect: {
    columns: { ts: "timestamp", ...ohlcv("open", "high", "low", "close", "volume") },
    timeZone: "America/New_York",
  },
  signatures: [{ header: ["timestamp", "adjusted_close", "split_coefficient"] }],
  file: "daily_adjusted_MSFT.csv",
  example: [
    "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient",
    "2020-01-17,167.4200,167.4675,165.4300,167.1000,167.1000,32775039,0.0000,1.0000",
  ],
  notes: "Intraday bars are adjusted by default.",
};
