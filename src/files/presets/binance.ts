import { ohlcv, type Preset } from "../preset.ts";

/** Binance Vision, spot. */
export const binance: Preset = {
  name: "binance",
  about: "Binance Vision, spot",
  dialect: {
    header: 0,
    columns: { ts: 1, trades: 9, ...ohlcv(2, 3, 4, 5, 6) },
    timeUnit: "auto",
    stamp: "start",
    symbolFrom: ["{ticker}-{timeframe}-{date}.*"],
  },
  signatures: [{ firstLine: /^\d{13}(\d{3})?(,[\d.]+){5},\d{13}(\d{3})?,[\d.]+,\d+,[\d.]+,[\d.]+,0$/ }],
  file: "BTCUSDT-1s-2025-01-01.csv",
  example: [
    "1735689600000000,0.31600000,0.31600000,0.31600000,0.31600000,27.00000000,1735689600999999,8.53200000,1,0.00000000,0.00000000,0",
  ],
  notes: "Times are in ms before 2025 and in µs since; the size of each value gives its unit.",
};
