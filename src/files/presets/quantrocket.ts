import { ohlcv, type Preset } from "../preset.ts";

/** QuantRocket, `history get`. */
export const quantrocket: Preset = {
  name: "quantrocket",
  about: "QuantRocket, `history get`",
  dialect: {
    columns: { symbol: "Sid", ts: "Date", ...ohlcv("Open", "High", "Low", "Close", "Volume") },
    stamp: "start",
  },
  file: "history.csv",
  example: ["Sid,Date,Open,High,Low,Close,Volume", "FIBBG000B9XRY4,2024-01-02,187.15,188.44,183.885,185.64,82488674"],
};
