import { ohlcv, type Preset } from "../preset.ts";

/** Investing.com, historical data. */
export const investing: Preset = {
  name: "investing",
  about: "Investing.com, historical data",
  dialect: {
    columns: { ts: "Date", ...ohlcv("Open", "High", "Low", "Price", "Vol.") },
    timeFormat: "%m/%d/%Y",
    timeframe: "1d",
    thousands: ",",
    suffixes: true,
    symbolFrom: ["{symbol} Historical Data.csv", "{symbol} Historical Data (*).csv"],
  },
  signatures: [{ header: ["Price", "Vol.", "Change %"] }],
  file: "AAPL Historical Data.csv",
  example: [
    '"Date","Price","Open","High","Low","Vol.","Change %"',
    '"09/26/2025","1,612.34","1,600.10","1,620.00","1,598.20","120.5M","0.76%"',
  ],
};
