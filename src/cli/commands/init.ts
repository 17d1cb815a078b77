/** `barline init`. @module */
import type { Command } from "../command.ts";

/** Writes a first configuration, and checks it. */
export const init: Command = {
  summary: "Write a first configuration, and check that a run would work",
  options: ["provider", "symbols", "timeframe", "database", "dataDir"],
  flags: [
    { name: "force", help: "replace a configuration file that exists" },
    { name: "print", help: "print the configuration file, and write nothing" },
  ],
  examples: [
    "init",
    "init --provider kraken --symbols BTC/USD,ETH/USD",
    "init --provider alpaca --symbols AAPL,MSFT --database postgres://user@host/market",
    "init --provider kraken --symbols BTC/USD --print",
  ],
  load: () => import("../init.ts"),
};
