import { ohlcv, type Preset } from "../preset.ts";

/** NinjaTrader 8, exported bars. */
export const ninjatrader: Preset = {
  name: "ninjatrader",
  about: "NinjaTrader 8, exported bars",
  dialect: {
    delimiter: ";",
    header: 0,
    columns: { ts: 1, ...ohlcv(2, 3, 4, 5, 6) },
    timeFormat: "%Y%m%d[ %H%M%S]",
    timeZone: "UTC",
    stamp: "end",
    symbolFrom: ["{symbol}.Last.txt", "{ticker}.txt"],
  },
  file: "ES 12-06.Last.txt",
  example: ["20061023 004400;1377.25;1377.25;1377.25;1377.25;86"],
  notes: "NinjaTrader 7 wrote local times: give their --time-zone.",
};
