/** `barline gaps`. @module */
import type { Command, OptionName } from "../command.ts";
import { choice } from "./stored.ts";

/** Options of the database, of the series, and of the pipeline for repairs. */
const OPTIONS: readonly OptionName[] = [
  ...[
    "provider",
    "symbols",
    "database",
    "sslmode",
    "sslrootcert",
    "schema",
    "dataDir",
    "tenant",
    "rate",
    "capacity",
    "workers",
  ] as const,
  ...["batchSize", "lingerMs", "retryAttempts", "circuitFailures", "circuitOpenMs", "writeTimeoutMs"] as const,
  ...["drainTimeout", "logLevel", "logFormat", "json"] as const,
];

/** Finds missing bars, and fetches them. */
export const gaps: Command = {
  summary: "Find bars that are missing by the market's calendar, and repair them from history",
  options: OPTIONS,
  optionHelp: choice,
  flags: [
    {
      name: "from",
      value: "TIME",
      help: "look from there on: a day (UTC) or a time with its zone [the first bar of each]",
    },
    { name: "to", value: "TIME", help: "look up to there [2 minutes ago, or 17 where feeds may be delayed]" },
    { name: "explain", help: "list ranges in doubt too: why, since when, and when history is asked next" },
    { name: "repair", help: "ask history for missing bars, and remember those that it lacks too" },
  ],
  examples: [
    "gaps",
    "gaps --provider alpaca --symbols AAPL,MSFT --from 2024-01-02 --to 2024-02-01",
    "gaps --explain",
    "gaps --repair --json",
  ],
  load: () => import("../gaps.ts"),
};
