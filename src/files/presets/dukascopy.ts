import { ohlcv, type Preset } from "../preset.ts";

/** Dukascopy, historical data feed of the web site, GMT. */
export const dukascopy: Preset = {
  name: "dukascopy",
  about: "Dukascopy, historical data feed of the web site, GMT",
  dialect: {
    columns: { ts: "Gmt time", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    timeFormat: "%d.%m.%Y %H:%M:%S.%f",
    timeZone: "UTC",
    stamp: "start",
    timeframes: { "1_M": "1m", "5_M": "5m", "10_M": "10m", "15_M": "15m", "30_M": "30m" },
    symbolFrom: ["{symbol}_Candlestick_{timeframe}_*_*.csv"],
  },
  signatures: [{ header: ["Gmt time", "Open", "Close"] }],
  file: "EURUSD_Candlestick_1_M_BID_26.03.2025-27.03.2025.csv",
  example: [
    "Gmt time,Open,High,Low,Close,Volume",
    "26.03.2025 00:00:00.000,1.07894,1.07894,1.07888,1.07888,9899.999999999998",
  ],
  notes: "The side, BID or ASK, stands in the name.",
};
