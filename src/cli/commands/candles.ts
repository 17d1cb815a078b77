/** `barline candles`. @module */
import type { Command } from "../command.ts";

/** Draws the last bars of a symbol. */
export const candles: Command = {
  summary: "Draw the last bars of a symbol in the terminal",
  usage: "SYMBOL [options]",
  takesWords: true,
  options: ["database", "sslmode", "sslrootcert", "schema", "dataDir", "tenant"],
  flags: [
    { name: "provider", value: "NAME", help: "bars of this provider, where several have the symbol" },
    {
      name: "timeframe",
      value: "1m|5m|1h|1d|…",
      help: "stored bars of this length or, without any, 1-minute bars rolled up to 5m, 15m, 1h or 1d [1m]",
    },
    { name: "last", value: "N", help: "how many bars [as many as fit; 20 where the output is no terminal]" },
  ],
  examples: ["candles AAPL", "candles BTC/USD --timeframe 1h --provider kraken", "candles AAPL --last 100 > bars.txt"],
  load: () => import("../candles.ts"),
};
