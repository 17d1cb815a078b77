/** `barline rename`. @module */
import type { Command } from "../command.ts";
import { choice } from "./stored.ts";

/** Moves the records of a symbol to another. */
export const rename: Command = {
  summary: "Give the records of a symbol to another symbol",
  options: ["provider", "database", "sslmode", "sslrootcert", "schema", "dataDir", "tenant", "writeTimeoutMs", "json"],
  flags: [
    { name: "symbols", value: "OLD=NEW", help: "symbols and their new names, joined by commas" },
    { name: "dry-run", help: "print what would be moved, and change nothing" },
    { name: "yes", help: "do not ask" },
  ],
  optionHelp: choice,
  examples: ["rename --symbols FB=META --dry-run", "rename --provider replay --symbols FB=META,TWTR=X --yes"],
  load: () => import("../rename.ts"),
};
