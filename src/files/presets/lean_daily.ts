import { ohlcv, type Preset } from "../preset.ts";

/** Lean (QuantConnect), hours and days of US equities. */
export const leanDaily: Preset = {
  name: "lean-daily",
  about: "Lean (QuantConnect), hours and days of US equities",
  dialect: {
    header: 0,
    columns: { ts: 1, ...ohlcv(2, 3, 4, 5, 6) },
    timeFormat: "%Y%m%d %H:%M",
    timeZone: "America/New_York",
    stamp: "start",
    priceScale: 1e-4,
    symbolFrom: ["{timeframe}/{symbol}.zip", "{timeframe}/{symbol}.csv"],
  },
  file: "daily/aapl.csv",
  example: ["20131001 00:00,4783000,4898000,4782000,4879000,88470000"],
  notes: "Prices of equities are in units of 0.0001.",
};
