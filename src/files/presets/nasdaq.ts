import { ohlcv, type Preset } from "../preset.ts";

/** Nasdaq.com, historical quotes. */
export const nasdaq: Preset = {
  name: "nasdaq",
  about: "Nasdaq.com, historical quotes",
  dialect: {
    columns: { ts: "Date", ...ohlcv("Open", "High", "Low", "Close/Last", "Volume") },
    timeFormat: "%m/%d/%Y",
    timeframe: "1d",
    strip: "$",
    thousands: ",",
    null: ["N/A"],
  },
  signatures: [{ header: ["Close/Last", "Open", "High", "Low"] }],
  file: "HistoricalData_1734300000000.csv",
  example: ["Date,Close/Last,Volume,Open,High,Low", "12/13/2024,$191.38,18883220,$192.71,$194.34,$191.26"],
};
