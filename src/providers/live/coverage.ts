/**
 * Up to where a live series is complete: nothing before that time needs to be asked for again.
 *
 * @module
 */
import { createFrontiers, type Frontiers } from "./frontiers.ts";

/** The coverage of all symbols of a feed. */
export interface Coverage {
  /**
   * Reads what the last run left; `fallback` is the newest bar in the database, where nothing was left. From here on the
   * frontiers are those of `shared`, where given: they are the truth of a group of feeds that stand in for each other, and
   * this feed's own only tell what the group does not know.
   */
  load(fallback: ReadonlyMap<string, number>, shared?: Frontiers): Promise<void>;
  /** See {@linkcode CoverageOptions}. */
  readonly overlapMs: number;
  /** Start of the first bar that may be missing; `undefined` where nothing is known of the symbol. */
  frontier(symbol: string): number | undefined;
  /** If nothing is known of the symbol, it is wanted from the bar on that starts and ends then. */
  begin(symbol: string, start: number, end: number): void;
  /**
   * When data of the feed last came before the bars of the symbol were interrupted, in epoch ms; -Infinity where that is not
   * known. Up to then a symbol without bars was without trades.
   */
  heardAt(symbol: string): number;
  /**
   * Bars of the symbol, or of all, may be missing: from here on the frontier stands still until a repair is settled. Data of
   * the feed came until `heardAt` (epoch ms).
   */
  interrupt(heardAt: number, symbol?: string): void;
  /** Live bars were committed, the newest of which ends at `until`. */
  live(symbol: string, until: number): void;
  /**
   * Everything up to `until` has been asked for and is committed. `isConnected` says whether the live bars have flowed
   * ever since; else there may be a hole behind it.
   */
  repaired(symbol: string, until: number, isConnected: boolean): void;
  /** Saves the frontiers, where they are its own. */
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
  /** The first bar that is wanted, where nothing was known. */
  first?: { readonly start: number; readonly end: number };
  /** End of the newest live bar that is committed. */
  newest: number;
  /** Whether there is no hole between the frontier and the live bars. */
  isWhole: boolean;
  /** See {@linkcode Coverage.heardAt}. */
  heardAt: number;
}

/** Makes a coverage that knows nothing yet. */
export function createCoverage(options: CoverageOptions): Coverage {
  const own = createFrontiers(options);
  const all = new Map<string, Series>();
  let frontiers = own;

  function series(symbol: string): Series {
    let found = all.get(symbol);
    if (found === undefined) all.set(symbol, found = { newest: -Infinity, isWhole: false, heardAt: -Infinity });
    return found;
  }

  return {
    async load(fallback, shared) {
      await own.load();
      for (const [symbol, ts] of fallback) own.propose(symbol, ts);
      if (shared === undefined) return;
      await shared.load();
      for (const [symbol, to] of own.entries()) shared.propose(symbol, to);
      frontiers = shared;
    },
    overlapMs: options.overlapMs,
    frontier: (symbol) => frontiers.get(symbol) ?? all.get(symbol)?.first?.start,
    begin(symbol, start, end) {
      if (frontiers.get(symbol) === undefined) series(symbol).first ??= { start, end };
    },
    heardAt: (symbol) => series(symbol).heardAt,
    interrupt(heardAt, symbol) {
      for (const each of symbol === undefined ? all.values() : [series(symbol)]) {
        if (each.isWhole) each.heardAt = heardAt;
        each.isWhole = false;
      }
    },
    live(symbol, until) {
      const of = series(symbol);
      of.newest = Math.max(of.newest, until);
      if (frontiers.get(symbol) === undefined) {
        // It is complete from its first bar on, unless bars before that were wanted too.
        const { start = until, end = until } = of.first ?? {};
        of.isWhole = until <= end;
        frontiers.propose(symbol, Math.min(start, until));
      }
      if (of.isWhole) frontiers.advance(symbol, of.newest);
    },
    repaired(symbol, until, isConnected) {
      const of = series(symbol);
      of.isWhole ||= isConnected;
      frontiers.advance(symbol, isConnected ? Math.max(until, of.newest) : until);
    },
    async save() {
      if (frontiers === own) await own.save();
    },
  };
}
