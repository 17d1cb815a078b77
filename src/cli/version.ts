/** `barline version`. @module */
import { VERSION } from "../version.ts";
import { type Command, EXIT } from "./command.ts";

/** Prints the versions of the program and of what it runs on. */
export const version: Command = {
  summary: "Print the version",
  options: [],
  examples: ["version"],
  run() {
    console.log(`barline ${VERSION} (deno ${Deno.version.deno}, ${Deno.build.target})`);
    return Promise.resolve(EXIT.done);
  },
};
