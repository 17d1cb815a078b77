import { ohlcv, type Preset } from "../preset.ts";

/** EODHD, intraday. */
export const eodhd: Preset = {
  name: "eodhd",
  about: "EODHD, intraday",
  dialect: {
    columns: { ts: "Timestamp", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    timeUnit: "s",
    stamp: "start",
  },
  signatures: [{ header: ["Timestamp", "Gmtoffset", "Datetime"] }],
  file: "AAPL.US.csv",
  example: [
    "Timestamp,Gmtoffset,Datetime,Open,High,Low,Close,Volume",
    '1627911000,0,"2021-08-02 13:30:00",146.36,146.949996,146.089996,146.419998,3930530',
  ],
};
