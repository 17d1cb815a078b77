/** `barline ingest`. @module */
import type { Command } from "../command.ts";

/** Streams records from providers into the database. */
export const ingest: Command = {
  summary: "Stream bars from providers into the database",
  options: (all) => all,
  flags: [{ name: "dry-run", help: "show how the files would be read, as barline inspect does, and store nothing" }],
  examples: [
    "ingest --limit 1000",
    "ingest --file bars.csv",
    "ingest --file MSFT.txt --format kibot --timeframe 1m",
    "ingest --file 'history/*.csv.gz' --resume --database postgres://user@host/market",
    "ingest --provider mock --symbols AAPL,MSFT --speed max --limit 1000000 --json",
    "ingest --config barline.yaml --tenant acme",
  ],
  summarizes: true,
  serves: true,
  load: () => import("../ingest.ts"),
};
