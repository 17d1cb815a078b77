/** `barline loads`. @module */
import type { Command } from "../command.ts";
import { place } from "./stored.ts";

/** Lists, shows, undoes and prunes loads of files. */
export const loads: Command = {
  summary: "List, show and undo loads of files",
  usage: "[list|show ID|undo ID|prune] [options]",
  options: ["database", "sslmode", "sslrootcert", "schema", "dataDir", "tenant", "writeTimeoutMs", "limit", "json"],
  subcommands: {
    list: "print the loads, the newest first",
    show: "print the files, series and counts of a load",
    undo: "put back all rows as they were before a load, but those that were written since",
    prune: "forget loads: they cannot be undone any more, and stay stored",
  },
  flags: [
    { name: "dry-run", help: "undo: print what would be done, and change nothing" },
    { name: "older-than", value: "90d", help: "prune: loads that began longer ago: a number and s, m, h, d or w" },
    { name: "yes", help: "undo, prune: do not ask" },
  ],
  optionHelp: { ...place, limit: "print at most N loads [all]" },
  defaultWord: "list",
  examples: [
    "loads",
    "loads --limit 5 --json",
    "loads show 12",
    "loads undo 12 --dry-run",
    "loads prune --older-than 90d --yes",
  ],
  load: () => import("../loads.ts"),
};
