/**
 * How Kraken writes pairs: `BTC/USD` on the stream and in rows, `XBTUSD` in requests for history, and `XXBTZUSD`, or
 * anything else, in their answers, which hold one pair and need no name.
 *
 * REST has other names for two assets only, and thus for their pairs alone: a table of all pairs would be a request of
 * a megabyte that adds nothing.
 *
 * @module
 */

/** Names on the stream, and in REST. */
const RENAMED: readonly (readonly [string, string])[] = [["BTC", "XBT"], ["DOGE", "XDG"]];

/** As the stream writes pairs; there are names with a small letter in them, but none without a large one. */
const PAIR = /^[A-Za-z0-9.]*[A-Z][A-Za-z0-9.]*\/[A-Za-z0-9.]*[A-Z][A-Za-z0-9.]*$/;

/** The problem of a symbol that is no pair, and its spelling; only the server knows which pairs exist. */
export function checkSymbol(symbol: string): string | undefined {
  if (PAIR.test(symbol)) return undefined;
  const spelled = suggest(symbol);
  return `kraken cannot have a symbol "${symbol}": ${
    spelled === undefined ? "expected pairs like BTC/USD" : `try ${spelled}`
  }`;
}

/** The pair in REST's words. */
function restPair(symbol: string): string {
  return symbol.split("/").map((asset) => RENAMED.find(([name]) => name === asset)?.[1] ?? asset).join("");
}

/** Whether a pair is of a tokenised stock: these end in a small `x`, as in `AAPLx/USD`. */
export const isTokenized = (symbol: string): boolean => /^[A-Z0-9.]+x\//.test(symbol);

/** The query of a pair in REST, which looks for tokenised stocks only on request. */
export function restQuery(symbol: string): string {
  const pair = `pair=${encodeURIComponent(restPair(symbol))}`;
  return isTokenized(symbol) ? `${pair}&asset_class=tokenized_asset` : pair;
}

/** The spelling of the stream; `undefined` where none can be made out. */
export function suggest(symbol: string): string | undefined {
  const assets = symbol.trim().split(/[/\s:_-]/);
  if (assets.length !== 2 || assets.some((asset) => !/^[A-Za-z0-9.]+$/.test(asset))) return undefined;
  // There are names with a small letter in them, but none without a large one.
  const isSmall = symbol === symbol.toLowerCase();
  return assets.map((asset) => {
    const name = isSmall ? asset.toUpperCase() : asset;
    return RENAMED.find(([, rest]) => rest === name)?.[0] ?? name;
  }).join("/");
}
