import { ohlcv, type Preset } from "../preset.ts";

/** Coinbase Exchange, candles as JSON. */
export const coinbase: Preset = {
  name: "coinbase",
  about: "Coinbase Exchange, candles as JSON",
  dialect: { form: "json", header: 0, columns: { ts: 1, ...ohlcv(4, 3, 2, 5, 6) }, timeUnit: "s", stamp: "start" },
  file: "candles.json",
  example: ["[[1704067260,42250.1,42290.4,42288.58,42261.02,12.4431]]"],
};
