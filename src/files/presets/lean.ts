import { ohlcv, type Preset } from "../preset.ts";

/** Lean (QuantConnect), seconds and minutes of US equities. */
export const lean: Preset = {
  name: "lean",
  about: "Lean (QuantConnect), seconds and minutes of US equities",
  dialect: {
    header: 0,
    columns: { ts: 1, ...ohlcv(2, 3, 4, 5, 6) },
    timeUnit: "ms-of-day",
    timeZone: "America/New_York",
    stamp: "start",
    priceScale: 1e-4,
    symbolFrom: ["{date}_{symbol}_{timeframe}_trade.csv", "{timeframe}/{symbol}/{date}_trade.zip"],
  },
  file: "20140605_aapl_minute_trade.csv",
  example: ["15300000,6448000,6448000,6448000,6448000,90"],
  notes: "Prices of equities are in units of 0.0001.",
};
