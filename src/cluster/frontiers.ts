/**
 * Up to where each symbol is complete, known to all instances of a cluster: whoever takes a shard over asks history from
 * there on.
 *
 * @module
 */
import type { Frontiers } from "../providers/provider.ts";

/** Where frontiers are kept. Times are epoch ms. */
export interface FrontierStore {
  /** All that is known of a source. */
  load(source: string): Promise<ReadonlyMap<string, number>>;
  /** Moves some on, never back. */
  save(source: string, frontiers: ReadonlyMap<string, number>): Promise<void>;
}

/** How often frontiers are saved, in milliseconds: what a crash leaves to be asked for twice. */
const SAVE_EVERY_MS = 5000;
/** Without an answer for that long, the hold on the symbols is over too. */
const LOAD_ATTEMPTS = 10;
const LOAD_AGAIN_MS = 1000;

/** Makes the frontiers of a source that know nothing yet. */
export function shareFrontiers(store: FrontierStore, source: string): Frontiers {
  const frontiers = new Map<string, number>();
  let unsaved = new Map<string, number>();
  let loading: Promise<void> | undefined;
  let saving: Promise<void> = Promise.resolve();
  let savedAt = performance.now();

  function set(symbol: string, to: number): void {
    frontiers.set(symbol, to);
    unsaved.set(symbol, to);
  }

  async function load(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        for (const [symbol, to] of await store.load(source)) {
          if (to > (frontiers.get(symbol) ?? -Infinity)) frontiers.set(symbol, to);
        }
        return;
      } catch (error) {
        // Never without: what is proposed in its place would hide what others know to be missing.
        if (attempt === LOAD_ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, LOAD_AGAIN_MS));
      }
    }
  }

  async function write(): Promise<void> {
    if (unsaved.size === 0) return;
    const some = unsaved;
    unsaved = new Map();
    try {
      await store.save(source, some);
    } catch (error) {
      for (const [symbol, to] of some) if (!unsaved.has(symbol)) unsaved.set(symbol, to);
      throw error;
    }
  }

  function save(): Promise<void> {
    savedAt = performance.now();
    return saving = saving.catch(() => {}).then(write);
  }

  return {
    // Each time anew: another instance may have had the symbols since.
    load: () => loading ??= load().finally(() => loading = undefined),
    get: (symbol) => frontiers.get(symbol),
    propose(symbol, to) {
      if (!frontiers.has(symbol)) set(symbol, to);
    },
    advance(symbol, to) {
      if (to <= (frontiers.get(symbol) ?? -Infinity)) return;
      set(symbol, to);
      // What cannot be saved now is saved with what comes later.
      if (performance.now() - savedAt >= SAVE_EVERY_MS) save().catch(() => {});
    },
    entries: () => frontiers.entries(),
    save,
  };
}
