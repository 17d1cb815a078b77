import { ohlcv, type Preset } from "../preset.ts";

/** CRSP, daily stock file before CIZ. */
export const crsp: Preset = {
  name: "crsp",
  about: "CRSP, daily stock file as of before CIZ",
  dialect: {
    columns: { symbol: "PERMNO", ts: "date", ...ohlcv("OPENPRC", "ASKHI", "BIDLO", "PRC", "VOL") },
    timeframe: "1d",
    absolute: true,
    null: [".", "C", "B"],
  },
  file: "crsp_dsf.csv",
  example: [
    "PERMNO,date,TICKER,CUSIP,BIDLO,ASKHI,PRC,VOL,RET,OPENPRC",
    "14593,20240102,AAPL,03783310,183.88500,188.44000,185.64000,82488674,-0.035787,187.15000",
  ],
  notes: "A negative price is the mean of bid and ask of a day without a trade; its sign is left out.",
};
