import { ohlcv, type Preset } from "../preset.ts";

/** Alpaca, answers of the bars endpoints as JSON. */
export const alpaca: Preset = {
  name: "alpaca",
  about: "Alpaca, answers of the bars endpoints as JSON",
  dialect: {
    form: "json",
    path: "bars",
    columns: { symbol: "symbol", ts: "t", vwap: "vw", trades: "n", ...ohlcv("o", "h", "l", "c", "v") },
  },
  signatures: [{ firstLine: /^\s*\{\s*"bars"\s*:\s*[[{]/ }, {
    firstLine: /^\{\s*$/,
    secondLine: /^\s*"bars"\s*:\s*[[{]/,
  }],
  file: "bars.json",
  example: [
    '{"bars":{"AAPL":[{"t":"2024-01-02T14:30:00Z","o":187.15,"h":187.5,"l":187,"c":187.3,"v":12345,"n":210,"vw":187.26}]},"next_page_token":null}',
  ],
};
