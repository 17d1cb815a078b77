import { ohlcv, type Preset } from "../preset.ts";

/** freqtrade, JSON arrays. */
export const freqtrade: Preset = {
  name: "freqtrade",
  about: "freqtrade, JSON arrays",
  dialect: {
    form: "json",
    header: 0,
    columns: { ts: 1, ...ohlcv(2, 3, 4, 5, 6) },
    timeUnit: "ms",
    stamp: "start",
    symbolFrom: ["{base}_{quote}-{timeframe}.json"],
  },
  file: "BTC_USDT-5m.json",
  example: [
    "[[1704067200000,42283.58,42475.23,42261.02,42475.23,1271.68108],",
    "[1704067500000,42475.23,42488.09,42431.65,42458.85,1196.37856]]",
  ],
};
