import { ohlcv, type Preset } from "../preset.ts";

/** Twelve Data, CSV. */
export const twelvedata: Preset = {
  name: "twelvedata",
  about: "Twelve Data, CSV",
  dialect: { delimiter: ";", columns: { ts: "datetime", ...ohlcv("open", "high", "low", "close", "volume") } },
  file: "twelvedata.csv",
  example: ["datetime;open;high;low;close;volume", "2024-01-02 15:59:00;185.60;185.70;185.55;185.64;1200345"],
};
