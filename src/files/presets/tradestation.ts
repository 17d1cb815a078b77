import { ohlcv, type Preset } from "../preset.ts";

/** TradeStation, exported chart. */
export const tradestation: Preset = {
  name: "tradestation",
  about: "TradeStation, exported chart",
  dialect: {
    columns: { date: "Date", time: "Time", ...ohlcv("Open", "High", "Low", "Close", "Vol") },
    timeFormat: "%m/%d/%Y %H:%M",
    stamp: "end",
  },
  signatures: [{ header: ["Date", "Time", "Open", "Up", "Down"] }],
  answers: { volume: "--column volume=Up+Down" },
  file: "ES.txt",
  example: [
    '"Date","Time","Open","High","Low","Close","Up","Down"',
    "01/03/2010,17:01,1366.50,1367.50,1366.00,1367.00,2566,854",
  ],
  notes: "Times are those of the exchange.",
};
