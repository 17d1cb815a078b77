import { ohlcv, type Preset } from "../preset.ts";

/** Kaggle, daily stocks and ETFs. */
export const kaggleStocks: Preset = {
  name: "kaggle-stocks",
  about: "Kaggle, daily stocks and ETFs",
  dialect: {
    columns: { ts: "Date", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    timeframe: "1d",
    symbolFrom: ["{symbol}.us.txt"],
  },
  file: "aapl.us.txt",
  example: ["Date,Open,High,Low,Close,Volume,OpenInt", "1984-09-07,0.42388,0.42902,0.41874,0.42388,23220030,0"],
};
