import { ohlcv, type Preset } from "../preset.ts";

/** Databento, OHLCV as CSV or DBN. */
export const databento: Preset = {
  name: "databento",
  about: "Databento, OHLCV as CSV or DBN",
  dialect: {
    columns: {
      symbol: "symbol",
      timeframe: "rtype",
      ts: "ts_event",
      ...ohlcv("open", "high", "low", "close", "volume"),
    },
    timeframes: { 32: "1s", 33: "1m", 34: "1h", 35: "1d", 36: "1d" },
    timeUnit: "auto",
    stamp: "start",
    priceScale: 1e-9,
    scaleIntegers: true,
    null: ["9223372036854775807"],
  },
  signatures: [{ header: ["ts_event", "rtype", "publisher_id"] }],
  file: "xnas-itch-20230821.ohlcv-1d.csv",
  example: [
    "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
    "1692576000000000000,35,2,523,133550000000,135200000000,132710000000,134360000000,11015261,AMZN",
  ],
  notes: "Prices without a point are in units of 1e-9.",
};
