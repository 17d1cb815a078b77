/**
 * Up to where a live series is complete: nothing before that time needs to be asked for again.
 *
 * @module
 */
import { createPosition } from "../position.ts";

/** The coverage of all symbols of a feed. */
export interface Coverage {
  /** Reads what the last run left; `fallback` is the newest bar in the database, where nothing was left. */
  load(fallback: ReadonlyMap<string, number>): Promise<void>;
  /** See {@linkcode CoverageOptions}. */
  readonly overlapMs: number;
  /** Start of the first bar that may be missing; `undefined` where nothing is known of the symbol. */
  frontier(symbol: string): number | undefined;
  /** Bars of the symbol, or of all, may be missing: from here on the frontier stands still until a repair is settled. */
  interrupt(symbol?: string): void;
  /** Live bars were committed, the newest of which ends at `until`. */
  live(symbol: string, until: number): void;
  /**
   * Everything up to `until` has been asked for and is committed. `isConnected` says whether the live bars have flowed
   * ever since; else there may be a hole behind it.
   */
  repaired(symbol: string, until: number, isConnected: boolean): void;
  /** Saves the frontiers. */
  save(): Promise<void>;
}

/** Options of {@linkcode createCoverage}. */
export interface CoverageOptions {
  dataDir: string;
  /** Names the feed and its timeframe. */
  name: string;
  /**
   * How far before the frontier a repair begins, in milliseconds: lanes commit side by side, so that at a crash some
   * bar just before the newest may be missing.
   */
  overlapMs: number;
}

interface Series {
  frontier?: number;
  /** End of the newest live bar that is committed. */
  newest: number;
  /** Whether there is no hole between the frontier and the live bars. */
  isWhole: boolean;
}

const GATHER_EVERY_MS = 1000;

/** Makes a coverage that knows nothing yet. */
export function createCoverage(options: CoverageOptions): Coverage {
  const position = createPosition<Record<string, number>>({ directory: options.dataDir, name: options.name });
  const all = new Map<string, Series>();
  let gatheredAt = -Infinity;

  function series(symbol: string): Series {
    let found = all.get(symbol);
    if (found === undefined) all.set(symbol, found = { newest: -Infinity, isWhole: false });
    return found;
  }

  function advance(of: Series, to: number): void {
    if (of.frontier !== undefined && to <= of.frontier) return;
    of.frontier = to;
    // All frontiers are gathered now and then, not for each bar: thousands of symbols move in the same second.
    if (performance.now() - gatheredAt >= GATHER_EVERY_MS) gather();
  }

  function gather(): void {
    gatheredAt = performance.now();
    const place: Record<string, number> = {};
    for (const [symbol, { frontier }] of all) if (frontier !== undefined) place[symbol] = frontier;
    position.track(place)();
  }

  return {
    async load(fallback) {
      const saved = await position.load() ?? {};
      for (const [symbol, ts] of [...fallback, ...Object.entries(saved)]) series(symbol).frontier = ts;
    },
    overlapMs: options.overlapMs,
    frontier: (symbol) => series(symbol).frontier,
    interrupt(symbol) {
      for (const each of symbol === undefined ? all.values() : [series(symbol)]) each.isWhole = false;
    },
    live(symbol, until) {
      const of = series(symbol);
      of.newest = Math.max(of.newest, until);
      // Nothing was known of the symbol: it is complete from its first bar on.
      if (of.frontier === undefined) of.isWhole = true;
      if (of.isWhole) advance(of, of.newest);
    },
    repaired(symbol, until, isConnected) {
      const of = series(symbol);
      of.isWhole ||= isConnected;
      advance(of, isConnected ? Math.max(until, of.newest) : until);
    },
    save() {
      gather();
      return position.save();
    },
  };
}
