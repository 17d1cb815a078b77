import { ohlcv, type Preset } from "../preset.ts";

/** Dukascopy, JForex. */
export const jforex: Preset = {
  name: "jforex",
  about: "Dukascopy, JForex",
  dialect: {
    columns: { ts: "Time (EET)", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    timeFormat: "%Y.%m.%d %H:%M:%S",
    timeZone: "Europe/Athens",
    stamp: "start",
    symbolFrom: ["{ticker}_{timeframe}_*_*_*.csv"],
  },
  signatures: [{ header: ["Time (EET)", "Open", "Close"] }],
  file: "XAUUSD_1 Min_Bid_2020.01.09_2020.01.10.csv",
  example: ["Time (EET),Open,High,Low,Close,Volume", "2020.01.09 01:00:00,1557.152,1557.452,1555.202,1555.302,0.045"],
  notes: "The unit of the volume varies.",
};
