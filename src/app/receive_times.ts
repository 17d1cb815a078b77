/**
 * The receive times of a process, which continue those of the last one: otherwise, with an earlier clock after a
 * restart, a correction would count as older than the bar that it corrects.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";
import type { CoverageStore } from "../coverage/store.ts";
import { createRaisedClock, MAX_AHEAD_MS, type RaisedClock } from "../records/raised_clock.ts";
import { RELEASED_AT } from "../version.ts";

/** See the module's description. Disposing of it saves the last time. */
export interface ReceiveTimes extends RaisedClock, AsyncDisposable {
  /**
   * Waits while the wall clock shows a time before the program's release, as a machine without a battery does until its
   * clock is set, since such a clock is useless. Then continues after the last receive time of earlier runs.
   *
   * @returns Whether receive times are available; `false` if `signal` has aborted the wait.
   */
  ready(signal: AbortSignal): Promise<boolean>;
}

/** Options of {@linkcode openReceiveTimes}. */
export interface ReceiveTimesOptions {
  /** Directory for them; without it nothing is kept. */
  dataDir: string;
  warn: (message: string) => void;
  /** The wall clock, in epoch milliseconds. @default {Date.now} */
  now?: () => number;
  /** Time of the release, in epoch milliseconds. @default {RELEASED_AT} */
  releasedAt?: number;
  /** How often to check a clock that is not set, in milliseconds. @default {1000} */
  lookEveryMs?: number;
}

/** Name of the file below the data directory, with a receive time that no record of earlier runs has reached. */
const NAME = "receive-time";
/** How far receive times may be ahead of the clock without a warning, in milliseconds. */
const TOLD_AHEAD_MS = 5 * 60_000;
/** How far ahead receive times are reserved, in microseconds: a crash wastes no more than that. */
const RESERVED_US = 10_000_000;

/** Prepares receive times; see {@linkcode ReceiveTimes.ready}. */
export function openReceiveTimes(options: ReceiveTimesOptions): ReceiveTimes {
  const { dataDir, warn, now = Date.now, releasedAt = RELEASED_AT, lookEveryMs = 1000 } = options;
  const path = join(dataDir, NAME);
  const { clock, after } = createRaisedClock(now, tellAhead);
  let beginning: Promise<void> | undefined;
  let latest = 0;
  let reserved = 0;
  let isWaitTold = false;
  const marks = createMarkFile({ dataDir, path, warn });
  let isAheadTold = false;

  function tellAhead(mark: number): void {
    if (isAheadTold || mark <= (now() + TOLD_AHEAD_MS) * 1000) return;
    isAheadTold = true;
    warn(
      `Receive times reach ${describe(mark / 1000)}, and the clock says ${
        describe(now())
      }: they continue from there, so that a record that ` +
        "comes now replaces one that came before",
    );
  }

  async function begin(): Promise<void> {
    const mark = await readMark(path);
    if (mark === undefined) return;
    if (mark > (now() + MAX_AHEAD_MS) * 1000) {
      const aside = `${path}.ahead`;
      await Deno.rename(path, aside).catch(() => {});
      warn(
        `Receive times of earlier runs reach ${describe(mark / 1000)}, and the clock says ${describe(now())}: ` +
          `set aside as "${aside}". What those runs stored is overwritten by no newer record until then`,
      );
      return;
    }
    after(mark - 1);
  }

  return {
    clock(count) {
      const first = clock(count);
      latest = Math.max(latest, first + count);
      if (latest > reserved - RESERVED_US / 2) {
        reserved = latest + RESERVED_US;
        marks.save(reserved);
      }
      return first;
    },
    after,
    async ready(signal) {
      while (now() < releasedAt) {
        if (!isWaitTold) {
          warn(`The clock says ${describe(now())}, which is before this program was released: waits until it is set`);
        }
        isWaitTold = true;
        await delay(lookEveryMs, { signal }).catch(() => {});
        if (signal.aborted) return false;
      }
      await (beginning ??= begin());
      return true;
    },
    async [Symbol.asyncDispose]() {
      await marks.saved();
      if (latest > 0) await marks.save(latest);
    },
  };
}

/** The store, whose rows raise the receive times when they are read back, so that bars of history count as newer. */
export function raisedByRows(store: CoverageStore, times: RaisedClock | undefined): CoverageStore {
  if (store.starts === undefined || times === undefined) return store;
  const { starts } = store;
  return {
    ...store,
    async starts(owner, ranges, signal) {
      const found = await starts(owner, ranges, signal);
      for (const { receivedAt } of found.values()) if (receivedAt !== undefined) times.after(receivedAt);
      return found;
    },
  };
}

/** Creates the file of marks, which saves one after the other. A failure is reported once. */
function createMarkFile({ dataDir, path, warn }: { dataDir: string; path: string; warn: (message: string) => void }) {
  let own = 0;
  let saving: Promise<void> = Promise.resolve();
  let hasFailed = false;

  /** Replaces the mark; a larger one saved by another process in this directory stays. */
  async function replace(mark: number): Promise<void> {
    try {
      if (!(await Deno.stat(dataDir)).isDirectory) return;
      const found = await readMark(path) ?? 0;
      const next = found === own ? mark : Math.max(found, mark);
      const unfinished = `${path}.${Deno.pid}`;
      {
        using file = await Deno.open(unfinished, { create: true, truncate: true, write: true, mode: 0o600 });
        await writeAll(file, new TextEncoder().encode(`${next}\n`));
        await file.syncData();
      }
      await Deno.rename(unfinished, path);
      await syncDirectory(dataDir);
      own = next;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || hasFailed) return;
      hasFailed = true;
      warn(`Cannot save receive times in "${path}": ${(error as Error).message}`);
    }
  }

  return {
    /** Saves that no record reaches `mark`. */
    save: (mark: number) => saving = saving.then(() => replace(mark)),
    /** Resolves when all saves so far are done. */
    saved: () => saving,
  };
}

async function readMark(path: string): Promise<number | undefined> {
  try {
    const mark = Number((await Deno.readTextFile(path)).trim());
    return Number.isSafeInteger(mark) && mark > 0 ? mark : undefined;
  } catch {
    return undefined;
  }
}

const describe = (ms: number) => new Date(ms).toISOString();
