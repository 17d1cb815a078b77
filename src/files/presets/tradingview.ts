import { ohlcv, type Preset } from "../preset.ts";

/** TradingView, exported chart. */
export const tradingview: Preset = {
  name: "tradingview",
  about: "TradingView, exported chart",
  dialect: {
    columns: { ts: "time", ...ohlcv("open", "high", "low", "close", "Volume") },
    timeUnit: "auto",
    symbolFrom: [
      "{exchange}_{symbol}, {timeframe}.csv",
      "{exchange}_{symbol}, {timeframe}_*.csv",
      "{exchange}_{symbol}, {timeframe} (*).csv",
    ],
  },
  signatures: [{
    name: /^[A-Z]+_[^ ,]+, \d*[A-Z]?(_[0-9a-f]{5})?( \(\d+\))?\.csv$/,
    header: ["time", "open", "high", "low", "close"],
  }],
  file: "NASDAQ_AAPL, 60.csv",
  example: ["time,open,high,low,close,Volume,Volume MA", "1704205800,187.15,188.44,183.89,185.64,82488700,"],
  notes: "A chart without its volume has none to export.",
};
