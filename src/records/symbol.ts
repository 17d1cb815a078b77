/**
 * What a symbol may be.
 *
 * @module
 */
import { quote } from "./quote.ts";

/** Longest symbol that is believed, in UTF-16 units: longer than any exchange's, shorter than any mishap. */
const MAX_SYMBOL_LENGTH = 64;
/** Letters and digits of any script, single inner spaces ("BRK B") and the marks that venues use. */
const SYMBOL = /^[\p{L}\p{N}.^$#*@&+=_:/-]+( [\p{L}\p{N}.^$#*@&+=_:/-]+)*$/u;

/** Symbols repeat, so each is looked at once. Emptied when full, as hostile input could make it grow for ever. */
const soundSymbols = new Set<string>();

/** Why a text is no symbol, in words; `undefined` when it may be one. */
export function checkSymbol(symbol: string): string | undefined {
  if (soundSymbols.has(symbol)) return undefined;
  if (symbol.length === 0) return "symbol is empty";
  if (symbol.length > MAX_SYMBOL_LENGTH) {
    return `symbol is longer than ${MAX_SYMBOL_LENGTH} characters: ${symbol.length}`;
  }
  if (!SYMBOL.test(symbol)) return `symbol has characters that no venue uses: ${quote(symbol)}`;
  if (soundSymbols.size >= 100_000) soundSymbols.clear();
  soundSymbols.add(symbol);
  return undefined;
}
