/**
 * Series as small numbers: a row of {@linkcode Columns} names its series by a code.
 *
 * @module
 */
import type { SeriesKey } from "./record.ts";

/**
 * The series that one source has met, each once. It only grows, and codes never change, so all frames of a source share
 * one, and facts about series (the id in the database, the shard, whether the name is sound) are arrays by code.
 */
export interface SeriesDictionary {
  /** The series by code. */
  readonly keys: readonly SeriesKey[];
  /** The code of a series; a new one is added. */
  codeOf(provider: string, symbol: string, timeframe: string): number;
}

/** Most series of a dictionary: a file of garbage has a new symbol in each line. See {@linkcode renewSeries}. */
const MAX_SERIES = 100_000;

/** Series of one provider and timeframe. */
interface Group {
  readonly provider: string;
  readonly timeframe: string;
  readonly codes: Map<string, number>;
}

/** Creates an empty dictionary. Consecutive rows mostly share provider and timeframe, so their group is remembered. */
export function createSeriesDictionary(): SeriesDictionary {
  const keys: SeriesKey[] = [];
  const groups = new Map<string, Group>();
  let last: Group | undefined;

  function groupOf(provider: string, timeframe: string): Group {
    if (last?.provider === provider && last.timeframe === timeframe) return last;
    const name = `${provider}\n${timeframe}`;
    last = groups.get(name);
    if (last === undefined) groups.set(name, last = { provider, timeframe, codes: new Map() });
    return last;
  }

  return {
    keys,
    codeOf(provider, symbol, timeframe) {
      const { codes } = groupOf(provider, timeframe);
      let code = codes.get(symbol);
      if (code === undefined) codes.set(symbol, code = keys.push({ provider, symbol, timeframe }) - 1);
      return code;
    },
  };
}

/**
 * The dictionary, or a new one if it is full: call it before each frame. Frames keep the one they were created with.
 */
export function renewSeries(series: SeriesDictionary): SeriesDictionary {
  return series.keys.length < MAX_SERIES ? series : createSeriesDictionary();
}
