import { ohlcv, type Preset } from "../preset.ts";

/** Yahoo Finance, the daily download with Adj Close. */
export const yahoo: Preset = {
  name: "yahoo",
  about: "Yahoo Finance, the daily download with Adj Close",
  dialect: {
    columns: { ts: "Date", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    timeframe: "1d",
    null: ["null"],
    symbolFrom: ["{ticker}.csv"],
  },
  signatures: [{ header: ["Date", "Open", "Close", "Adj Close"], without: ["Price", "Ticker"] }],
  file: "AAPL.csv",
  example: [
    "Date,Open,High,Low,Close,Adj Close,Volume",
    "2023-02-07,548.0,551.4000244140625,541.0499877929688,547.0999755859375,527.8197021484375,16195947",
  ],
  notes: "Prices are adjusted for splits; Close is taken, not Adj Close.",
};
