/** `barline import`. @module */
import type { Command } from "../command.ts";

/** Loads an export. */
export const importing: Command = {
  summary: "Load an export, which is verified before and counted after",
  usage: "DIR [options]",
  takesWords: true,
  options: [
    ...["database", "sslmode", "sslrootcert", "schema", "dataDir", "tenant", "timescale", "json"] as const,
    ...["workers", "batchSize", "writeTimeoutMs", "logLevel", "logFormat"] as const,
  ],
  flags: [{ name: "verify", help: "compare the files with the manifest, and load nothing" }],
  examples: ["import bars", "import bars --database postgres://user@host/market", "import bars --verify"],
  load: () => import("../import.ts"),
};
