/**
 * Archives during a run, at intervals, beside the writers.
 *
 * @module
 */
import { type ArchiveSettings, planArchive } from "../config/archive.ts";
import type { Config } from "../config/load.ts";
import type { Database } from "../database/database.ts";
import { type ArchiveCounts, runArchive } from "../export/archive/archive.ts";
import { openPlace } from "../export/open_place.ts";

/** Options of {@linkcode startArchiver}. */
export interface ArchiverOptions {
  readonly config: Config;
  readonly archive: ArchiveSettings;
  readonly database: Database;
  /** Called after a run that has written or dropped files. */
  readonly onArchived: (counts: ArchiveCounts) => void;
  readonly warn: (message: string) => void;
}

/**
 * Archives at once and then after each `every`, until disposed of. A failure is a warning, and the next run tries
 * again.
 */
export function startArchiver(options: ArchiverOptions): AsyncDisposable {
  const { config, archive, database, onArchived, warn } = options;
  const plan = planArchive(archive, config.settings.timescale);
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function runOnce(): Promise<void> {
    try {
      const counts = await runArchive({
        database,
        plan,
        openPlace: (address) => openPlace(address, config.variable),
        warn,
        signal: stopping.signal,
      });
      if (counts.files + counts.dropped > 0) onArchived(counts);
    } catch (error) {
      if (!stopping.signal.aborted) warn(`Archive failed, trying again later: ${(error as Error).message}`);
    }
  }

  const begin = () => {
    running ??= runOnce().finally(() => running = undefined);
  };
  const timer = setInterval(begin, plan.everyMs);
  begin();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stopping.abort();
      await running;
    },
  };
}
