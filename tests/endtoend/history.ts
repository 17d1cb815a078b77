/**
 * The history of a fake endpoint: one state of each bar, the newest.
 *
 * @module
 */

/** See the module's description. */
export interface History<B> {
  put(bar: B): void;
}

/** Keeps the bars of a fake's own list. */
export function createHistory<B extends { symbol: string; ts: number }>(bars: B[]): History<B> {
  const places = new Map<string, number>();
  return {
    put(bar) {
      const key = `${bar.symbol} ${bar.ts}`;
      const place = places.get(key) ?? bars.length;
      bars[place] = bar;
      places.set(key, place);
    },
  };
}
