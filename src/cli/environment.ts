/** The variables of the process, for the configuration. @module */
import type { ConfigInputs } from "../config/load.ts";

/** The variables that are set now. */
export function environment(): Required<Pick<ConfigInputs, "env" | "variables">> {
  return { env: Deno.env.get, variables: Object.keys(Deno.env.toObject()) };
}
