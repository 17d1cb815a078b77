/** `barline config`. @module */
import type { Command } from "../command.ts";

/** Checks and shows the configuration. */
export const config: Command = {
  summary: "Check or show the configuration, or print its JSON Schema",
  usage: "check|show|schema [options]",
  options: (all) => all,
  subcommands: {
    check: "say all that is wrong with it",
    show: "print every value and where it comes from; secrets are struck out",
    schema: "print the JSON Schema of the YAML file, for editors",
  },
  examples: ["config check --config barline.yaml", "config show", "config schema > barline.schema.json"],
  load: () => import("../config.ts"),
};
