/** `barline ingest`. @module */
import type { Command } from "../command.ts";

/** Streams records from providers into the database. */
export const ingest: Command = {
  summary: "Stream bars from providers into the database",
  options: (all) => all,
  flags: [{ name: "dry-run", help: "show how the files would be read, as barline inspect does, and store nothing" }],
  groupExamples: {
    Source: "ingest --provider kraken --symbols BTC/USD,ETH/USD",
    Files: "ingest --file MSFT.txt --format kibot --timeframe 1m",
    Destination: "ingest --file bars.csv --database postgres://user@host/market",
    Safety: "ingest --provider kraken --symbols BTC/USD --journal durable",
    Output: "ingest --file bars.csv --http off --json",
  },
  examples: [
    "ingest --limit 1000",
    "ingest --file 'history/*.csv.gz' --resume --database postgres://user@host/market",
    "ingest --config barline.yaml --tenant acme",
  ],
  summarizes: true,
  serves: true,
  load: () => import("../ingest.ts"),
};
