/** `barline export`. @module */
import type { Command } from "../command.ts";
import { choice } from "./stored.ts";

/** Exports records into files. */
export const exporting: Command = {
  summary: "Export records into Parquet, CSV or NDJSON, in a directory or in S3",
  options: [
    ...["provider", "symbols", "timeframe", "kind", "database", "sslmode", "sslrootcert", "schema", "dataDir"] as const,
    ...["tenant", "json", "logLevel", "logFormat"] as const,
  ],
  optionHelp: choice,
  flags: [
    { name: "output", value: "DIR|s3://…|-", help: "where the files go; - is standard output, which takes one" },
    { name: "from", value: "TIME", help: "export from there on: a day (UTC) or a time with its zone [the first]" },
    { name: "to", value: "TIME", help: "export records that begin before [the last]" },
    { name: "format", value: "parquet|csv|ndjson", help: "form of the files [parquet]" },
    { name: "compression", value: "zstd|snappy|none", help: "how Parquet is compressed [zstd]" },
    {
      name: "partition-by",
      value: "KEY,KEY",
      help: "make a file for each date or month (UTC), symbol or provider; none makes one of all [date]",
    },
  ],
  examples: [
    "export --symbols AAPL,MSFT --from 2024-01-01 --output bars",
    "export --kind news --format ndjson --output -",
    "export --provider kraken --partition-by month,symbol --output s3://market/kraken",
  ],
  load: () => import("../export.ts"),
};
