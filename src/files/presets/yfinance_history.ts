import { ohlcv, type Preset } from "../preset.ts";

/** yfinance, `Ticker.history().to_csv()`. */
export const yfinanceHistory: Preset = {
  name: "yfinance-history",
  about: "yfinance, `Ticker.history().to_csv()`",
  dialect: {
    columns: { ts: "Date|Datetime", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    stamp: "start",
    sessionDates: true,
  },
  signatures: [{ header: ["Open", "Dividends", "Stock Splits"] }],
  file: "aapl.csv",
  example: [
    "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits",
    "2025-03-12 00:00:00-04:00,220.13999938964844,221.75,214.91000366210938,216.97999572753906,62547500,0.0,0.0",
  ],
  notes: "All prices are adjusted for splits and dividends.",
};
