import { ohlcv, type Preset } from "../preset.ts";

/** HistData, Generic ASCII, M1. */
export const histdata: Preset = {
  name: "histdata",
  about: "HistData, Generic ASCII, M1",
  dialect: {
    delimiter: ";",
    header: 0,
    columns: { ts: 1, ...ohlcv(2, 3, 4, 5, 6) },
    timeFormat: "%Y%m%d %H%M%S",
    timeZone: "-05:00",
    timeframe: "1m",
    symbolFrom: ["DAT_ASCII_{symbol}_M1_{date}.csv"],
  },
  signatures: [{ name: /^DAT_ASCII_[A-Z0-9]+_M1_\d{4,6}\.csv$/, firstLine: /^\d{8} \d{6}(;[\d.]+){5}$/ }],
  file: "DAT_ASCII_EURUSD_M1_201202.csv",
  example: ["20120201 000000;1.306600;1.306600;1.306560;1.306560;0"],
  notes: "Prices are bids; the volume is 0.",
};
