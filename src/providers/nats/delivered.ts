/**
 * Deliveries of edges: providers, bars, and the time of the last storage. They show the watch over a hub that an edge
 * has fallen silent.
 *
 * @module
 */
import { type Columns, seriesOf } from "../../records/columns.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { Delivered } from "../provider.ts";

/** See the module's description. */
export interface DeliveredLog {
  /** Records a message, by its first record; call the result when the message is stored. */
  note(kind: string, columns: Columns): () => void;
  read(): ReadonlyMap<string, Delivered>;
}

interface Entry extends Delivered {
  readonly symbols: Set<string>;
  timeframe: string;
  settledAt: number;
}

/**
 * Most providers, and most symbols of each, to keep: edges choose the names, and a few symbols represent all markets.
 */
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
