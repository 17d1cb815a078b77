/** `barline archive`. @module */
import type { Command } from "../command.ts";

/** Archives past days. */
export const archive: Command = {
  summary: "Archive days that are over, and drop what is older than the retention, once",
  options: [
    ...["archive", "timescale", "database", "sslmode", "sslrootcert", "schema", "dataDir", "writeTimeoutMs"] as const,
    ...["json", "logLevel", "logFormat"] as const,
  ],
  examples: ["archive --config barline.yaml", "archive --config barline.yaml --json"],
  load: () => import("../archive.ts"),
};
