/**
 * A map by series, fast enough for a look-up of each record.
 *
 * @module
 */
import type { SeriesKey } from "./record.ts";

/** Values of series. */
export interface SeriesMap<T> {
  get(key: SeriesKey): T | undefined;
  set(key: SeriesKey, value: T): void;
  entries(): Iterable<[SeriesKey, T]>;
  clear(): void;
}

/** Series of one provider and timeframe. */
interface Group<T> {
  readonly provider: string;
  readonly timeframe: string;
  readonly bySymbol: Map<string, T>;
}

/**
 * Creates an empty map. Consecutive records mostly share provider and timeframe, so their group is remembered, and no
 * key is built for each record.
 */
export function createSeriesMap<T>(): SeriesMap<T> {
  const groups = new Map<string, Group<T>>();
  let last: Group<T> | undefined;

  const nameOf = ({ provider, timeframe }: SeriesKey) => `${provider}\n${timeframe}`;

  function find(key: SeriesKey): Group<T> | undefined {
    if (last?.provider === key.provider && last.timeframe === key.timeframe) return last;
    const found = groups.get(nameOf(key));
    last = found ?? last;
    return found;
  }

  function add(key: SeriesKey): Group<T> {
    const { provider, timeframe } = key;
    last = { provider, timeframe, bySymbol: new Map() };
    groups.set(nameOf(key), last);
    return last;
  }

  return {
    get: (key) => find(key)?.bySymbol.get(key.symbol),
    set: (key, value) => void (find(key) ?? add(key)).bySymbol.set(key.symbol, value),
    *entries() {
      for (const { provider, timeframe, bySymbol } of groups.values()) {
        for (const [symbol, value] of bySymbol) yield [{ provider, timeframe, symbol }, value];
      }
    },
    clear() {
      groups.clear();
      last = undefined;
    },
  };
}
