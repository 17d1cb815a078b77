import { ohlcv, type Preset } from "../preset.ts";

/** Kraken, OHLCVT archives. */
export const kraken: Preset = {
  name: "kraken",
  about: "Kraken, OHLCVT archives",
  dialect: {
    header: 0,
    columns: { ts: 1, trades: 7, ...ohlcv(2, 3, 4, 5, 6) },
    timeUnit: "s",
    symbolFrom: ["{ticker}_{minutes}.csv"],
  },
  signatures: [{ name: /^[A-Z0-9.]+_(1|5|15|30|60|240|720|1440)\.csv$/, firstLine: /^\d{10}(,[\d.eE+-]+){6}$/ }],
  file: "XBTUSD_1.csv",
  example: ["1601855760,1.1,1.2,1.0,1.1,10,1"],
  notes: "Minutes without a trade have no row.",
};
