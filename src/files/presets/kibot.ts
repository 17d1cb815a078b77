import { ohlcv, type Preset } from "../preset.ts";

/** Kibot, minutes. */
export const kibot: Preset = {
  name: "kibot",
  about: "Kibot, minutes",
  dialect: {
    header: 0,
    columns: { date: 1, time: 2, ...ohlcv(3, 4, 5, 6, 7) },
    timeFormat: "%m/%d/%Y %H:%M",
    timeZone: "America/New_York",
    stamp: "start",
    symbolFrom: ["{ticker}_*adjusted.txt", "{ticker}.txt"],
  },
  file: "MSFT.txt",
  example: ["01/12/2010,09:30,130.10,130.35,130.02,130.22,182300"],
  notes: "Prices and volume are adjusted for splits and dividends, but for files named unadjusted.",
};
