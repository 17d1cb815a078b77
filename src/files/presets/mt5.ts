import { ohlcv, type Preset } from "../preset.ts";

/** MetaTrader 5, exported bars. */
export const mt5: Preset = {
  name: "mt5",
  about: "MetaTrader 5, exported bars",
  dialect: {
    delimiter: "\t",
    columns: { date: "<DATE>", time: "<TIME>", ...ohlcv("<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<TICKVOL>") },
    timeFormat: "%Y.%m.%d[ %H:%M:%S]",
    symbolFrom: ["{symbol}_{timeframe}_*_*.csv"],
  },
  signatures: [{ header: ["<DATE>", "<OPEN>", "<TICKVOL>"] }],
  file: "XAUUSD_H1_202201030100_202201040000.csv",
  example: [
    "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
    "2022.01.03\t01:00:00\t1828.40\t1831.74\t1827.95\t1828.44\t1524\t0\t5",
  ],
  notes: "Times are those of the broker's server, often America/New_York+7; the volume counts ticks.",
};
