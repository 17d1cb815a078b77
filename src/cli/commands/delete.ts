/** `barline delete`. @module */
import type { Command } from "../command.ts";
import { choice } from "./stored.ts";

/** Deletes records. */
export const deletion: Command = {
  summary: "Delete records of series, of a range of time or all",
  options: [
    ...["provider", "symbols", "timeframe", "kind", "database", "sslmode", "sslrootcert", "schema", "dataDir"] as const,
    ...["tenant", "writeTimeoutMs", "json"] as const,
  ],
  optionHelp: choice,
  flags: [
    { name: "from", value: "TIME", help: "delete from there on: a day (UTC) or a time with its zone [the first]" },
    { name: "to", value: "TIME", help: "delete records that begin before [the last]" },
    { name: "dry-run", help: "print what would be deleted, and change nothing" },
    { name: "yes", help: "do not ask" },
  ],
  examples: [
    "delete --provider replay --symbols AAPL --from 2024-01-02 --to 2024-02-01 --dry-run",
    "delete --provider mock --yes",
  ],
  load: () => import("../delete.ts"),
};
