import { ohlcv, type Preset } from "../preset.ts";

/** Kaggle, minutes of bitcoin since 2012. */
export const kaggleBtc: Preset = {
  name: "kaggle-btc",
  about: "Kaggle, minutes of bitcoin since 2012",
  dialect: {
    columns: { ts: "Timestamp", ...ohlcv("Open", "High", "Low", "Close", "Volume_(BTC)") },
    timeUnit: "s",
    stamp: "start",
    null: ["NaN"],
  },
  signatures: [{ header: ["Timestamp", "Volume_(BTC)", "Weighted_Price"] }],
  file: "bitstampUSD_1-min_data.csv",
  example: [
    "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price",
    "1325317920,4.39,4.39,4.39,4.39,0.45558087,2.0000000193,4.39",
  ],
  notes: "Minutes without a trade are rows of NaN, which are left out.",
};
