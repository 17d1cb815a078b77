/**
 * What earlier runs of a backfill have committed of each symbol, so that a run goes on where another ended.
 *
 * It is apart from the coverage of live feeds, and never changes that: an `ingest` beside it owns its file, and what lies
 * between its own bars and a range that somebody chose is still to be repaired.
 *
 * @module
 */
import { createPosition, type PositionTarget } from "../position.ts";
import { type Interval, unite } from "../../records/intervals.ts";

/** The ranges of each symbol that are committed. */
export interface Checkpoint {
  /** Reads what the last run left; of symbols that `isKnown` does not know in the database, nothing is believed. */
  load(isKnown: (symbol: string) => boolean): Promise<void>;
  covered(symbol: string): readonly Interval[];
  /** Everything of the symbol in the range is committed. */
  add(symbol: string, range: Interval): void;
  save(): Promise<void>;
}

/** Shortest time between two gatherings, in milliseconds: thousands of symbols move at once. */
const GATHER_EVERY_MS = 1000;

/** Makes a checkpoint that knows nothing yet; `name` tells the provider and its timeframe. */
export function createCheckpoint(
  options: { dataDir: string; name: string; target?: PositionTarget },
): Checkpoint {
  const position = createPosition<Record<string, Interval[]>>({
    directory: options.dataDir,
    name: `backfill ${options.name}`,
    target: options.target,
  });
  const all = new Map<string, Interval[]>();
  let gatheredAt = -Infinity;

  function gather(): void {
    gatheredAt = performance.now();
    position.track(Object.fromEntries(all))();
  }

  return {
    async load(isKnown) {
      const saved = await position.load() ?? {};
      for (const [symbol, ranges] of Object.entries(saved)) {
        if (!isKnown(symbol)) continue;
        for (const range of ranges) all.set(symbol, unite(all.get(symbol) ?? [], range));
      }
    },
    covered: (symbol) => all.get(symbol) ?? [],
    add(symbol, range) {
      all.set(symbol, unite(all.get(symbol) ?? [], range));
      if (performance.now() - gatheredAt >= GATHER_EVERY_MS) gather();
    },
    save() {
      gather();
      return position.save();
    },
  };
}
