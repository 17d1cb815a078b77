import { ohlcv, type Preset } from "../preset.ts";

/** Kibot, days. */
export const kibotDaily: Preset = {
  name: "kibot-daily",
  about: "Kibot, days",
  dialect: {
    header: 0,
    columns: { ts: 1, ...ohlcv(2, 3, 4, 5, 6) },
    timeFormat: "%m/%d/%Y",
    timeframe: "1d",
    symbolFrom: ["{ticker}_*adjusted.txt", "{ticker}.txt"],
  },
  file: "IBM_unadjusted.txt",
  example: ["01/12/2010,130.10,131.33,129.02,130.51,8081500"],
};
