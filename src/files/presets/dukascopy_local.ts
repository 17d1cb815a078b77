import { ohlcv, type Preset } from "../preset.ts";

/** Dukascopy, historical data feed of the web site, local time. */
export const dukascopyLocal: Preset = {
  name: "dukascopy-local",
  about: "Dukascopy, historical data feed of the web site, local time",
  dialect: {
    columns: { ts: "Local time", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    timeFormat: "%d.%m.%Y %H:%M:%S.%f GMT%z",
    stamp: "start",
    timeframes: { "1_M": "1m", "5_M": "5m", "10_M": "10m", "15_M": "15m", "30_M": "30m" },
    symbolFrom: ["{symbol}_Candlestick_{timeframe}_*_*.csv"],
  },
  signatures: [{ header: ["Local time", "Open", "Close"] }],
  file: "DEUIDXEUR_Candlestick_1_M_BID_01.07.2025-02.07.2025.csv",
  example: ["Local time,Open,High,Low,Close,Volume", "01.07.2025 00:00:00.000 GMT+0200,25552,25560,25550,25558,1.25"],
};
