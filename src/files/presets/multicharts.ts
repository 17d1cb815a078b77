import { ohlcv, type Preset } from "../preset.ts";

/** MultiCharts, exported data. */
export const multicharts: Preset = {
  name: "multicharts",
  about: "MultiCharts, exported data",
  dialect: {
    columns: { date: "<Date>", time: "<Time>", ...ohlcv("<Open>", "<High>", "<Low>", "<Close>", "<Volume>") },
    stamp: "end",
    symbolFrom: ["{ticker} {timeframe}.txt"],
  },
  file: "TXF1 1 Minute.txt",
  example: [
    "<Date>, <Time>, <Open>, <High>, <Low>, <Close>, <Volume>",
    "2019/1/2,08:46:00.000,9760,9762,9745,9750,2997",
  ],
};
