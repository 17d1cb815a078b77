import { ohlcv, type Preset } from "../preset.ts";

/** Lean (QuantConnect), seconds and minutes of crypto. */
export const leanCrypto: Preset = {
  name: "lean-crypto",
  about: "Lean (QuantConnect), seconds and minutes of crypto",
  dialect: {
    header: 0,
    columns: { ts: 1, ...ohlcv(2, 3, 4, 5, 6) },
    timeUnit: "ms-of-day",
    timeZone: "UTC",
    stamp: "start",
    symbolFrom: ["{date}_{symbol}_{timeframe}_trade.csv", "{timeframe}/{symbol}/{date}_trade.zip"],
  },
  file: "20180405_btcusd_minute_trade.csv",
  example: ["0,13880,13882.26,13880,13881.97,1.0219"],
};
