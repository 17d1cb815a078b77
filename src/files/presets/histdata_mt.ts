import { ohlcv, type Preset } from "../preset.ts";

/** HistData, MetaTrader, M1. */
export const histdataMt: Preset = {
  name: "histdata-mt",
  about: "HistData, MetaTrader, M1",
  dialect: {
    header: 0,
    columns: { date: 1, time: 2, ...ohlcv(3, 4, 5, 6, 7) },
    timeFormat: "%Y.%m.%d %H:%M",
    timeZone: "-05:00",
    timeframe: "1m",
    symbolFrom: ["DAT_MT_{symbol}_M1_{date}.csv"],
  },
  file: "DAT_MT_EURUSD_M1_201202.csv",
  example: ["2012.02.01,00:00,1.306600,1.306600,1.306560,1.306560,0"],
};
