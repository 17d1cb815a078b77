/** `barline journal`. @module */
import type { Command } from "../command.ts";

/** Inspects, verifies, repairs and exports the journal, while no process uses it. */
export const journal: Command = {
  summary: "Inspect, verify, repair or export the journal",
  usage: "inspect|verify|repair|export [options]",
  options: ["dataDir", "tenant", "json"],
  subcommands: {
    inspect: "print its contents: segments, frames, records by provider",
    verify: "read all of it, and exit with 1 when something is damaged",
    repair: "cut or set aside damaged bytes, as a start does",
    export: "print its records, one JSON object a line, as ingest --file reads them",
  },
  examples: ["journal inspect --json", "journal verify --data-dir /var/lib/barline", "journal export > bars.ndjson"],
  load: () => import("../journal.ts"),
};
