/**
 * Kraken's spellings of pairs: `BTC/USD` on the stream and in rows, `XBTUSD` in requests for history, and `XXBTZUSD` or
 * others in their answers, which have one pair and need no name.
 *
 * REST has other names for two assets only, so the pairs of these are translated here: a table of all pairs would be a
 * request of a megabyte without a gain.
 *
 * @module
 */

/** Names on the stream, and in REST. */
const RENAMED: readonly (readonly [string, string])[] = [["BTC", "XBT"], ["DOGE", "XDG"]];

/** The stream's spelling of pairs; some names have a small letter, but none is without a capital. */
const PAIR = /^[A-Za-z0-9.]*[A-Z][A-Za-z0-9.]*\/[A-Za-z0-9.]*[A-Z][A-Za-z0-9.]*$/;

/** The problem of a symbol that is not a pair, with the right spelling; only the server knows the existing pairs. */
export function checkSymbol(symbol: string): string | undefined {
  if (PAIR.test(symbol)) return undefined;
  const spelled = suggest(symbol);
  return `kraken cannot have a symbol "${symbol}": ${
    spelled === undefined ? "expected pairs like BTC/USD" : `try ${spelled}`
  }`;
}

/** REST's spelling of the pair. */
function restPair(symbol: string): string {
  return symbol.split("/").map((asset) => RENAMED.find(([name]) => name === asset)?.[1] ?? asset).join("");
}

/** Whether a pair is of a tokenised stock: these end in a small `x`, as in `AAPLx/USD`. */
export const isTokenized = (symbol: string): boolean => /^[A-Z0-9.]+x\//.test(symbol);

/** The query for a pair in REST, which finds tokenised stocks only on request. */
export function restQuery(symbol: string): string {
  const pair = `pair=${encodeURIComponent(restPair(symbol))}`;
  return isTokenized(symbol) ? `${pair}&asset_class=tokenized_asset` : pair;
}

/** The stream's spelling of a symbol; `undefined` if it is not recognizable. */
export function suggest(symbol: string): string | undefined {
  const assets = symbol.trim().split(/[/\s:_-]/);
  if (assets.length !== 2 || assets.some((asset) => !/^[A-Za-z0-9.]+$/.test(asset))) return undefined;
  // Some names have a small letter, but none is without a capital.
  const isSmall = symbol === symbol.toLowerCase();
  return assets.map((asset) => {
    const name = isSmall ? asset.toUpperCase() : asset;
    return RENAMED.find(([, rest]) => rest === name)?.[0] ?? name;
  }).join("/");
}
