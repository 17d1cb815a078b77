import { ohlcv, type Preset } from "../preset.ts";

/** Google Sheets, GOOGLEFINANCE, daily. */
export const googlefinance: Preset = {
  name: "googlefinance",
  about: "Google Sheets, GOOGLEFINANCE, daily",
  dialect: { columns: { ts: "Date", ...ohlcv("Open", "High", "Low", "Close", "Volume") }, timeframe: "1d" },
  file: "Sheet1.csv",
  example: ["Date,Open,High,Low,Close,Volume", "24/05/2019 16:00:00,180.2,182.14,178.62,178.97,23714686"],
  notes: "The order of day and month is that of the sheet; the time is the close.",
};
