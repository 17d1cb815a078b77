/** `barline version`. @module */
import type { Command } from "../command.ts";

/** Prints the versions of the program and of the runtime. */
export const version: Command = {
  summary: "Print the version",
  options: [],
  examples: ["version"],
  load: () => import("../version.ts"),
};
