import { ohlcv, type Preset } from "../preset.ts";

/** ccxt, `fetch_ohlcv` as JSON. */
export const ccxt: Preset = {
  name: "ccxt",
  about: "ccxt, `fetch_ohlcv` as JSON",
  dialect: { form: "json", header: 0, columns: { ts: 1, ...ohlcv(2, 3, 4, 5, 6) }, timeUnit: "ms", stamp: "start" },
  file: "ohlcv.json",
  example: ["[[1704067200000,42283.58,42475.23,42261.02,42475.23,1271.68108]]"],
};
