import { ohlcv, type Preset } from "../preset.ts";

/** Finam, and exports of TSLab and StockSharp. */
export const finam: Preset = {
  name: "finam",
  about: "Finam, and what TSLab and StockSharp write",
  dialect: {
    columns: {
      symbol: "<TICKER>",
      timeframe: "<PER>",
      date: "<DATE>",
      time: "<TIME>",
      ...ohlcv("<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"),
    },
    timeZone: "Europe/Moscow",
  },
  file: "SBER_240103.txt",
  example: [
    "<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>",
    "SBER;5;20240103;100500;274.7;275.1;274.5;275;120330",
  ],
  notes: "START or END is chosen at the export.",
};
