/**
 * Up to where each symbol is complete, remembered between runs. Several feeds may share it: what one has committed, another
 * need not fetch.
 *
 * @module
 */
import { createPosition } from "../position.ts";

/** Starts of the first bars that may be missing, in epoch ms, by symbol. */
export interface Frontiers {
  /** Reads what the last run left, once. */
  load(): Promise<void>;
  /** The symbol's frontier; `undefined` where nothing is known of it. */
  get(symbol: string): number | undefined;
  /** Notes a frontier where nothing is known. */
  propose(symbol: string, to: number): void;
  /** Moves a frontier on, never back. */
  advance(symbol: string, to: number): void;
  /** All symbols of which something is known. */
  entries(): Iterable<[string, number]>;
  /** Saves them, where they have been loaded. */
  save(): Promise<void>;
}

/** Options of {@linkcode createFrontiers}. */
export interface FrontiersOptions {
  dataDir: string;
  /** Names whose frontiers they are. */
  name: string;
}

const GATHER_EVERY_MS = 1000;

/** Makes frontiers that know nothing yet. */
export function createFrontiers(options: FrontiersOptions): Frontiers {
  const position = createPosition<Record<string, number>>({ directory: options.dataDir, name: options.name });
  const frontiers = new Map<string, number>();
  let loading: Promise<void> | undefined;
  let gatheredAt = 0;

  function gather(): void {
    gatheredAt = Date.now();
    position.track(Object.fromEntries(frontiers))();
  }

  function propose(symbol: string, to: number): void {
    if (!frontiers.has(symbol)) frontiers.set(symbol, to);
  }

  async function load(): Promise<void> {
    for (const [symbol, to] of Object.entries(await position.load() ?? {})) propose(symbol, to);
  }

  return {
    load: () => loading ??= load(),
    get: (symbol) => frontiers.get(symbol),
    propose,
    advance(symbol, to) {
      if (to <= (frontiers.get(symbol) ?? -Infinity)) return;
      frontiers.set(symbol, to);
      // All are gathered now and then, not for each bar: thousands of symbols move in the same second.
      if (Date.now() - gatheredAt >= GATHER_EVERY_MS) gather();
    },
    entries: () => frontiers.entries(),
    async save() {
      if (loading === undefined) return;
      gather();
      await position.save();
    },
  };
}
