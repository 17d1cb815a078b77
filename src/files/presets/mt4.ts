import { ohlcv, type Preset } from "../preset.ts";

/** MetaTrader 4, exported history. */
export const mt4: Preset = {
  name: "mt4",
  about: "MetaTrader 4, exported history",
  dialect: {
    header: 0,
    columns: { date: 1, time: 2, ...ohlcv(3, 4, 5, 6, 7) },
    timeFormat: "%Y.%m.%d %H:%M",
    symbolFrom: ["{symbol}{minutes}.csv"],
  },
  signatures: [{
    name: /^[A-Za-z]+(1|5|15|30|60|240|1440)\.csv$/,
    firstLine: /^\d{4}\.\d\d\.\d\d,\d\d:\d\d(,[\d.]+){5}$/,
  }],
  file: "EURUSD60.csv",
  example: ["2012.02.01,00:00,1.30660,1.30670,1.30656,1.30661,112"],
  notes: "Times are those of the broker's server, often America/New_York+7; the volume counts ticks.",
};
