import { ohlcv, type Preset } from "../preset.ts";

/** CryptoDataDownload. */
export const cryptodatadownload: Preset = {
  name: "cryptodatadownload",
  about: "CryptoDataDownload",
  dialect: {
    skip: 1,
    columns: {
      symbol: "Symbol",
      ts: "Unix",
      trades: "tradecount",
      ...ohlcv("Open", "High", "Low", "Close", "Volume *"),
    },
    timeUnit: "auto",
    stamp: "start",
    symbolFrom: ["{exchange}_{symbol}_{timeframe}.csv"],
  },
  signatures: [{ firstLine: /^https?:\/\/www\.CryptoDataDownload\.com/i }],
  file: "Binance_ADAEUR_d.csv",
  example: [
    "https://www.CryptoDataDownload.com",
    "Unix,Date,Symbol,Open,High,Low,Close,Volume ADA,Volume EUR,tradecount",
    "1747699200000,2025-05-20,ADAEUR,0.6615,0.6703,0.6433,0.6607,2884102.0,1885827.80505,10704",
  ],
  notes: "The first volume is taken, that of the base asset.",
};
