/**
 * Variables with the prefix of options that name no option.
 *
 * @module
 */
import { nearestWord } from "./nearest.ts";
import { optionSpecs } from "./options.ts";

const PREFIX = "BARLINE_";
/** Variables that are no options: of the configuration itself, secrets of listeners, and of the tests. */
const OTHERS = [
  "BARLINE_CONFIG",
  "BARLINE_ENV_FILE",
  "BARLINE_HTTP_TOKEN",
  "BARLINE_EMBEDDED_PASSWORD",
  "BARLINE_BINARY",
];

/**
 * A sentence for each variable that begins with `BARLINE_` and means nothing, with the name that may be meant where one is near.
 *
 * @param named Variables that the configuration itself names, as tenants do.
 */
export function findUnknownVariables(names: Iterable<string>, source: string, named: readonly string[]): string[] {
  const options = optionSpecs.flatMap(({ variables }) => variables).filter((name) => name.startsWith(PREFIX));
  const known = [...options, ...OTHERS];
  // The common prefix does not make names alike.
  const ends = known.map((name) => name.slice(PREFIX.length));
  const meant = (name: string) => {
    const nearest = nearestWord(name.slice(PREFIX.length), ends);
    return nearest === undefined ? "" : `, did you mean ${PREFIX}${nearest}?`;
  };
  return Array.from(names)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name) && !named.includes(name))
    .map((name) => `Unknown variable ${name} in ${source}${meant(name)}`);
}
