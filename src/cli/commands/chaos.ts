/** `barline chaos`. @module */
import { DEFAULT_RECORDS, FAULT_NAMES } from "../../chaos/names.ts";
import type { Command } from "../command.ts";

/** Tries faults on the user's own set-up, within a schema that is dropped afterwards. */
export const chaos: Command = {
  summary: "Try faults on your own database, in a scratch schema, and show the accounts",
  options: ["database", "sslmode", "sslrootcert", "dataDir", "workers", "batchSize", "rate", "json"],
  flags: [
    { name: "yes", help: "do not ask first" },
    { name: "records", value: "N", help: `bars to send for each fault, at least [${DEFAULT_RECORDS}]` },
    { name: "only", value: "NAME", help: `one fault: ${FAULT_NAMES.join(", ")}` },
  ],
  examples: ["chaos", "chaos --database postgres://user@host/market --yes --json", "chaos --only locked --yes"],
  load: () => import("../chaos.ts"),
};
