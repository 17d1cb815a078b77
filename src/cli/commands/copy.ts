/** `barline copy`. @module */
import type { Command } from "../command.ts";
import { place } from "./stored.ts";

/** Copies the embedded database into a server. */
export const copy: Command = {
  summary: "Copy the embedded database into a server",
  options: ["sslmode", "sslrootcert", "schema", "dataDir", "writeTimeoutMs", "json"],
  flags: [
    { name: "to", value: "URL", help: "the server, as in postgres://user@host/database" },
    { name: "yes", help: "do not ask" },
  ],
  optionHelp: place,
  examples: [
    "copy --to postgres://barline@db/market",
    "copy --data-dir /var/lib/barline --to postgres://barline@db/market --yes",
  ],
  load: () => import("../copy.ts"),
};
