import { ohlcv, type Preset } from "../preset.ts";

/** FirstRate Data. */
export const firstrate: Preset = {
  name: "firstrate",
  about: "FirstRate Data",
  dialect: {
    header: 0,
    columns: { ts: 1, ...ohlcv(2, 3, 4, 5, 6) },
    symbolFrom: ["{symbol}_full_{timeframe}_*.txt", "{symbol}_full_{timeframe}.txt"],
  },
  signatures: [{
    name: /_full_\d+(min|hour|day)(_\w+)?\.txt$/,
    firstLine: /^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?(,[\d.]+){5}$/,
  }],
  file: "AACG_full_1min_adjsplitdiv.txt",
  example: ["2008-01-29 10:00:00,9.51,9.99,9.5,9.5,89745"],
  notes: "How prices are adjusted stands in the name.",
};
