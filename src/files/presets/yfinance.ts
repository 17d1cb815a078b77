import { ohlcv, type Preset } from "../preset.ts";

/** yfinance, `download().to_csv()`: three lines of header, one symbol or several. */
export const yfinance: Preset = {
  name: "yfinance",
  about: "yfinance, `download().to_csv()`: three lines of header, one symbol or several",
  dialect: {
    header: 3,
    wide: true,
    columns: { symbol: "Ticker", ts: "Date|Datetime", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    stamp: "start",
    sessionDates: true,
  },
  signatures: [{ firstLine: /^Price,/, secondLine: /^Ticker,/ }, { firstLine: /^Ticker,/, secondLine: /^Price,/ }],
  file: "msft.csv",
  example: [
    "Price,Close,High,Low,Open,Volume",
    "Ticker,MSFT,MSFT,MSFT,MSFT,MSFT",
    "Date,,,,,",
    "2023-02-17,254.5292510986328,256.53147567395897,252.49743818375117,255.84107105146936,30000100",
  ],
  notes: "All prices are adjusted for splits and dividends unless auto_adjust was off.",
};
