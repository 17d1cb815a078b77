/** `barline version`. @module */
import { VERSION } from "../version.ts";
import { EXIT } from "./command.ts";

/** Prints the versions of the program and of the runtime. */
export function run(): Promise<number> {
  console.log(`barline ${VERSION} (deno ${Deno.version.deno}, ${Deno.build.target})`);
  return Promise.resolve(EXIT.done);
}
