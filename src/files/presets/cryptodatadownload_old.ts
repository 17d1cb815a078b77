import { ohlcv, type Preset } from "../preset.ts";

/** CryptoDataDownload, older files with a 12-hour clock. */
export const cryptodatadownloadOld: Preset = {
  name: "cryptodatadownload-old",
  about: "CryptoDataDownload, older files with a 12-hour clock",
  dialect: {
    skip: 1,
    columns: { symbol: "Symbol", ts: "Date", ...ohlcv("Open", "High", "Low", "Close", "Volume *") },
    timeFormat: "%Y-%m-%d[ %I-%p]",
    timeZone: "UTC",
    stamp: "start",
    symbolFrom: ["{exchange}_{symbol}_{timeframe}.csv"],
  },
  signatures: [{ firstLine: /^Timestamps are UTC.*CryptoDataDownload/i }],
  file: "Coinbase_BTCUSD_1h.csv",
  example: [
    "Timestamps are UTC timezone,https://www.CryptoDataDownload.com",
    "Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD",
    "2020-08-10 09-PM,BTCUSD,11880.2,11902.1,11850,11890.5,102.5,1218000.1",
  ],
};
