/** `barline query`. @module */
import type { Command } from "../command.ts";
import { place } from "./stored.ts";

/** Runs read-only SQL. */
export const query: Command = {
  summary: "Run SQL that reads, also on the embedded database of a run in progress",
  usage: '["SELECT …"] [options]',
  takesWords: true,
  options: ["database", "sslmode", "sslrootcert", "schema", "dataDir"],
  flags: [
    { name: "file", short: "f", value: "PATH", help: "read the SQL from a file, or from standard input as -" },
    { name: "param", value: "NAME=VALUE", isList: true, help: "value of :NAME in the SQL (repeatable)" },
    {
      name: "format",
      value: "table|csv|ndjson|json|parquet",
      help: "form of the rows [by the end of --output, else table]",
    },
    { name: "output", value: "PATH", help: "write to a file, which is there once it is whole [standard output]" },
    { name: "timeout", value: "SECONDS", help: "longest time that a statement may take [60]" },
  ],
  optionHelp: place,
  examples: [
    "query 'SELECT * FROM latest_bars'",
    "query --param symbol=AAPL --format csv 'SELECT ts, close FROM bars WHERE symbol = :symbol ORDER BY ts'",
    "query -f report.sql --output report.parquet",
    "query",
  ],
  load: () => import("../query.ts"),
};
