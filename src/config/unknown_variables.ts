/**
 * Variables that look as if they were options and are none.
 *
 * @module
 */
import { closestString } from "@std/text/closest-string";
import { optionSpecs } from "./options.ts";

const PREFIX = "BARLINE_";
/** Variables that are no options: of the configuration itself, of HTTP, and of the tests. */
const OTHERS = ["BARLINE_CONFIG", "BARLINE_ENV_FILE", "BARLINE_HTTP_TOKEN", "BARLINE_BINARY"];

/**
 * A sentence for each variable that begins with `BARLINE_` and means nothing.
 *
 * @param named Variables that the configuration itself names, as tenants do.
 */
export function findUnknownVariables(names: Iterable<string>, source: string, named: readonly string[]): string[] {
  const options = optionSpecs.flatMap(({ variables }) => variables).filter((name) => name.startsWith(PREFIX));
  const known = [...options, ...OTHERS];
  return Array.from(names)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name) && !named.includes(name))
    .map((name) => `Unknown variable ${name} in ${source}, did you mean ${closestString(name, known)}?`);
}
