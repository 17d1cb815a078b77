/**
 * Rows of quiet minutes, as vendors have them whose history has a row for each step.
 *
 * @module
 */
import type { MarketBar } from "./fake_kraken.ts";

/** The bars, in order, of one symbol, with a flat one without trades for each step between them that has none. */
export function* withFlatRows(
  bars: readonly MarketBar[],
  stepMs: number,
  holes: ReadonlySet<number>,
): Generator<MarketBar> {
  let last: MarketBar | undefined;
  for (const bar of bars) {
    for (let ts = (last?.ts ?? bar.ts) + stepMs; last !== undefined && ts < bar.ts; ts += stepMs) {
      const { symbol, close } = last;
      const flat = { symbol, ts, open: close, high: close, low: close, close, volume: 0, trades: 0 };
      if (!holes.has(ts)) yield flat;
    }
    if (!holes.has(bar.ts)) yield bar;
    last = bar;
  }
}
