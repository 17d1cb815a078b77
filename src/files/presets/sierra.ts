import { ohlcv, type Preset } from "../preset.ts";

/** Sierra Chart, exported bars. */
export const sierra: Preset = {
  name: "sierra",
  about: "Sierra Chart, exported bars",
  dialect: {
    columns: { date: "Date", time: "Time", trades: "# of Trades", ...ohlcv("Open", "High", "Low", "Last", "Volume") },
    symbolFrom: ["{symbol}-BarData.txt"],
  },
  signatures: [{ header: ["Last", "# of Trades"] }],
  file: "ESU26-BarData.txt",
  example: [
    "Date, Time, Open, High, Low, Last, Volume, # of Trades, OHLC Avg, HLC Avg, HL Avg, Bid Volume, Ask Volume",
    "2026-06-05, 21:00:04.000, 6010.25, 6011.00, 6009.75, 6010.50, 152, 88, 6010.38, 6010.42, 6010.38, 70, 82",
  ],
  notes: "Times are in the zone of the chart.",
};
