/**
 * Finds the series of a line by the bytes of its symbol and timeframe.
 *
 * @module
 */
import type { SeriesDictionary } from "../../records/series_dictionary.ts";
import { createInterner, type Interner } from "./bytes/intern.ts";

/** Finds codes of series. */
export interface SeriesReader {
  /** Begins a line of a frame with this dictionary; `timeframe` is that of lines that name none. */
  begin(series: SeriesDictionary): void;
  /** Sets the line's timeframe. */
  useTimeframe(bytes: Uint8Array, from: number, to: number): void;
  /** The line's timeframe. */
  readonly timeframe: string;
  /** The code of the symbol's series at the line's timeframe. */
  codeOf(bytes: Uint8Array, from: number, to: number): number;
}

/** Most timeframes distinguished by their bytes: only a file of garbage has more. */
const MAX_TIMEFRAMES = 256;

/**
 * Makes a reader. Within a timeframe, the code of a series is found by the bytes of its symbol alone. `nameOf` returns
 * the timeframe for a text of the file.
 */
export function createSeriesReader(
  provider: string,
  defaultTimeframe: string,
  nameOf: (text: string) => string = (text) => text,
): SeriesReader {
  let dictionary: SeriesDictionary | undefined;
  let symbols: Interner[] = [];
  let names: string[] = [];
  let timeframeOf: Interner = () => 0;
  let current = 0;

  /** The index of a timeframe in `symbols`. */
  function placeOf(timeframe: string): number {
    const known = names.indexOf(timeframe);
    if (known >= 0) return known;
    if (names.length === MAX_TIMEFRAMES) reset();
    const series = dictionary!;
    symbols.push(createInterner((symbol) => series.codeOf(provider, symbol, timeframe)));
    return names.push(timeframe) - 1;
  }

  function reset(): void {
    symbols = [];
    names = [];
    timeframeOf = createInterner((text) => placeOf(nameOf(text)));
    placeOf(defaultTimeframe);
  }

  return {
    begin(series) {
      if (series !== dictionary) {
        dictionary = series;
        reset();
      }
      current = 0;
    },
    useTimeframe(bytes, from, to) {
      current = timeframeOf(bytes, from, to);
    },
    get timeframe() {
      return names[current];
    },
    codeOf: (bytes, from, to) => symbols[current](bytes, from, to),
  };
}
