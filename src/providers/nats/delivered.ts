/**
 * Deliveries of edges: providers, bars, and the time of the last storing. The watch over a hub learns from it that an
 * edge has fallen silent.
 *
 * @module
 */
import { type Columns, seriesOf } from "../../records/columns.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { Delivered } from "../provider.ts";

/** See the module's description. */
export interface DeliveredLog {
  /** Notes a message that came, by its first record; returns the function that notes that it is stored. */
  note(kind: string, columns: Columns): () => void;
  read(): ReadonlyMap<string, Delivered>;
}

interface Entry extends Delivered {
  readonly symbols: Set<string>;
  timeframe: string;
  settledAt: number;
}

/** Most providers, and most symbols of each, that are kept: names are an edge's, and symbols stand for the markets of all. */
const MOST = 100;

/** Makes the log. */
export function createDeliveredLog(): DeliveredLog {
  const entries = new Map<string, Entry>();
  return {
    note(kind, columns) {
      if (kind !== "bar" || columns.count === 0) return () => {};
      const { provider, symbol, timeframe } = seriesOf(columns, 0);
      const step = TIMEFRAMES.get(timeframe);
      let entry = entries.get(provider);
      if (step === undefined || entry === undefined && entries.size >= MOST) return () => {};
      if (entry === undefined) entries.set(provider, entry = { symbols: new Set(), timeframe, settledAt: Date.now() });
      if (entry.symbols.size < MOST) entry.symbols.add(symbol);
      if (step < TIMEFRAMES.get(entry.timeframe)!) entry.timeframe = timeframe;
      return () => void (entry.settledAt = Date.now());
    },
    read: () => entries,
  };
}
