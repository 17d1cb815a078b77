import { ohlcv, type Preset } from "../preset.ts";

/** Tiingo, daily prices. */
export const tiingo: Preset = {
  name: "tiingo",
  about: "Tiingo, daily prices",
  dialect: {
    columns: { symbol: "ticker", ts: "date", ...ohlcv("open", "high", "low", "close", "volume") },
    timeframe: "1d",
    sessionDates: true,
  },
  signatures: [{ header: ["close", "adjClose", "divCash", "splitFactor"] }],
  file: "IBM.csv",
  example: [
    "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor",
    "2019-01-30,134.38,135.03,133.25,134.0,4500919,134.38,135.03,133.25,134.0,4500919,0.0,1.0",
  ],
  notes: "The raw prices and the raw volume are taken.",
};
