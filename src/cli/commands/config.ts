/** `barline config`. @module */
import type { Command } from "../command.ts";

/** Checks and shows the configuration. */
export const config: Command = {
  summary: "Check or show the configuration, or print its JSON Schema",
  usage: "check|show|schema|init [options]",
  options: (all) => all,
  subcommands: {
    check: "say all that is wrong with it",
    show: "print every value and where it comes from; secrets are struck out",
    init: "print a first configuration, as barline init writes it; with --provider and --symbols",
    schema: "print the JSON Schema of the YAML file, for editors",
  },
  flags: [{ name: "print", help: "init: print the file, which is all it does" }],
  examples: [
    "config check --config barline.yaml",
    "config show",
    "config init --print --provider kraken --symbols BTC/USD",
    "config schema > barline.schema.json",
  ],
  load: () => import("../config.ts"),
};
