import { ohlcv, type Preset } from "../preset.ts";

/** Databento, OHLCV as JSON lines. */
export const databentoJson: Preset = {
  name: "databento-json",
  about: "Databento, OHLCV as JSON lines",
  dialect: {
    columns: {
      symbol: "symbol",
      timeframe: "hd.rtype",
      ts: "hd.ts_event",
      ...ohlcv("open", "high", "low", "close", "volume"),
    },
    timeframes: { 32: "1s", 33: "1m", 34: "1h", 35: "1d", 36: "1d" },
    timeUnit: "auto",
    stamp: "start",
    priceScale: 1e-9,
    scaleIntegers: true,
    null: ["9223372036854775807"],
  },
  file: "glbx-mdp3-20240102.ohlcv-1m.json",
  example: [
    '{"hd":{"ts_event":"1704205800000000000","rtype":33,"publisher_id":1,"instrument_id":5482},"open":"4785500000000","high":"4786250000000","low":"4785250000000","close":"4786000000000","volume":"1234"}',
  ],
};
