/**
 * Remembers the starts of bars, so that a repeated bar is recognized as a correction.
 *
 * @module
 */

/** Records a bar, and returns whether its start was known; `undefined` for a symbol that was not requested. */
export type Seen = (symbol: string, ts: number) => boolean | undefined;

/** Bars to remember of each symbol: the bits of an integer. */
const DEPTH = 32;

/**
 * Makes a memory for bars of `stepMs` of these symbols. No bar may be ahead of time, as it would count as the newest.
 * Bars older than the memory count as seen.
 */
export function createSeen(symbols: readonly string[], stepMs: number): Seen {
  /** Start of the newest bar; bit k of `bits` is the bar k steps before it. */
  const all = new Map(symbols.map((symbol) => [symbol, { newest: -Infinity, bits: 0 }]));
  return (symbol, ts) => {
    const of = all.get(symbol);
    if (of === undefined) return undefined;
    const ahead = (ts - of.newest) / stepMs;
    if (ahead > 0) {
      of.bits = ahead < DEPTH ? of.bits << ahead | 1 : 1;
      of.newest = ts;
      return false;
    }
    if (-ahead >= DEPTH) return true;
    const bit = 1 << -ahead;
    const isAgain = (of.bits & bit) !== 0;
    of.bits |= bit;
    return isAgain;
  };
}
