/**
 * Checks symbols and names of providers: both come from elsewhere, and are shown to people.
 *
 * @module
 */
import { quote } from "./quote.ts";

/** Longest plausible name, in UTF-16 units: longer than any exchange's, shorter than any mishap. */
const MAX_LENGTH = 64;
/** Letters and digits of any script, single inner spaces ("BRK B") and the marks that venues use. */
const NAME = /^[\p{L}\p{N}.^$#*@&+=_:/-]+( [\p{L}\p{N}.^$#*@&+=_:/-]+)*$/u;

/** Why a text is not a symbol, in words; `undefined` if it may be one. */
export const checkSymbol = createCheck("symbol");

/** The same for the name of a provider, which a hub receives from its edges. */
export const checkProvider = createCheck("provider");

function createCheck(what: string): (name: string) => string | undefined {
  // Names repeat, so each is checked once. Emptied when full, as hostile input could make it grow for ever.
  const sound = new Set<string>();
  return (name) => {
    if (sound.has(name)) return undefined;
    if (name.length === 0) return `${what} is empty`;
    if (name.length > MAX_LENGTH) return `${what} is longer than ${MAX_LENGTH} characters: ${name.length}`;
    if (!NAME.test(name)) return `${what} has characters that no venue uses: ${quote(name)}`;
    if (sound.size >= 100_000) sound.clear();
    sound.add(name);
    return undefined;
  };
}
