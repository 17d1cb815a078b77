/**
 * Loads the coverage of a feed, and saves it after the commits: where a series begins and doubts of busy symbols within
 * seconds, everything else every quarter of an hour, or with many symbols each hour, and at the end. The ends of ten
 * thousand symbols move each minute: saved each time they would be 1.5 MB of WAL, and 5 MB after a checkpoint, and asking
 * for an hour again costs hardly more requests than asking for a minute. A bar is saved as confirmed once the vendor no
 * longer corrects it: after a kill its correction would be missed.
 *
 * @module
 */
import { beginOf, doubt, endOf, isUnrepairable, type SeriesCoverage, UNKNOWN } from "../../../coverage/coverage.ts";
import { intersect, type Interval, subtract } from "../../../records/intervals.ts";
import type { CoverageChange, CoverageStore, SeriesOwner } from "../../../coverage/store.ts";
import type { FeedCoverage } from "../coverage.ts";
import { heldBy } from "./peers.ts";
import { settle, type Track } from "./track.ts";
import { isBusy } from "./urgency.ts";

/** Keeps the coverage of a feed. */
export interface CoverageKeeper {
  /**
   * Reads what earlier runs know and gives it to the coverage, and from then on what others change. Bars that were stored
   * after the last save are in doubt; of a symbol that has bars and no coverage, the last day is. A store that cannot be
   * reached is asked again until it can be, while the feed streams.
   *
   * @param newest Start of the newest stored bar of each symbol.
   * @param peers What other members of a failover group know: minutes that they hold are not this feed's to fill.
   */
  load(
    newest: ReadonlyMap<string, number>,
    coverage: Pick<FeedCoverage, "learn" | "relearn">,
    peers?: ReadonlyMap<string, readonly SeriesCoverage[]>,
  ): Promise<void>;
  /** The track has changed since it was saved. */
  changed(track: Track): void;
  /** Saves what has changed. */
  save(): Promise<void>;
  /** Ends saving by the clock, and saves what has changed. */
  stop(): void;
}

/** Options of {@linkcode createCoverageKeeper}. */
export interface KeeperOptions {
  owner: SeriesOwner;
  stepMs: number;
  /** How many symbols the feed has. @default {1} */
  symbols?: number;
  /** Absent where nothing is kept. */
  store: CoverageStore | undefined;
  /** Whether history has to confirm each bar: doubts are ordinary then. */
  isConfirmed: boolean;
  /** Bars that end later may still be corrected, in epoch ms: that they are confirmed is saved when they no longer can be. */
  settledUntil: () => number;
  /** Kept the coverage until now: saves what it has left first. */
  before?: CoverageKeeper;
  /** Called when the store is another one than before, with the reason. @default {no call} */
  onReplaced?: (reason: string) => void;
  /** Hears that the coverage cannot be read or saved, once for each row of failures. */
  onFailure: (error: Error) => void;
}

/** Steps between bars that are in doubt together. */
const NEAR = 5;
const URGENT_MS = 5_000;
const LOAD_AGAIN_MS = 2_000;
const LEAST_MS = 15 * 60_000, MOST_MS = 60 * 60_000;
/** Symbols from which on their ends are saved each hour: 5 MB of WAL at most, and so less than 100 KB a minute. */
const MANY = 10_000;
/** How often it asks what others have changed, in milliseconds. */
const NEWS_MS = 60_000;
/** Length of the doubt at the end of a series that an earlier version has written, in milliseconds. */
const UPGRADE_MS = 24 * 60 * 60_000;

/** Up to where all that the last run knew is saved: behind it may be doubts, and bars that it had not saved as confirmed. */
function savedUntil({ confirmed, doubts }: SeriesCoverage): number {
  const until = Math.max(confirmed.at(-1)?.[1] ?? -Infinity, doubts.findLast(isUnrepairable)?.to ?? -Infinity);
  return until === -Infinity ? beginOf({ confirmed, doubts }) : until;
}

/** How often the coverage of so many symbols is saved, in milliseconds. */
export const saveEveryMs = (symbols: number): number =>
  Math.round(Math.max(LEAST_MS, Math.min(MOST_MS, symbols / MANY * MOST_MS)));

/** Starts to keep the coverage. */
export function createCoverageKeeper(
  { owner, stepMs, symbols = 1, store, isConfirmed, settledUntil, before, onFailure, onReplaced = () => {} }:
    KeeperOptions,
): CoverageKeeper {
  const dirty = new Set<Track>();
  const urgent = new Set<Track>();
  /** The urgent parts of each series as saved last: its doubts, and its beginning. */
  const saved = new WeakMap<Track, { readonly doubts: SeriesCoverage["doubts"]; readonly begin: number }>();
  let saving: Promise<void> = Promise.resolve();
  let hasFailed = false;
  /** Takes what others have changed, once the coverage is loaded. */
  let heed: FeedCoverage["relearn"] | undefined;
  let isStopped = false;
  const timers: ReturnType<typeof setInterval>[] = [];

  /** Hears what others have changed. */
  async function hear(): Promise<void> {
    if (store?.news === undefined || heed === undefined) return;
    const news = await store.news(owner);
    if (news.replaced !== undefined) onReplaced(news.replaced);
    if (news.replaced === undefined && news.changed.size === 0) return;
    heed(news, (track) => track.coverage.doubts.filter((each) => saved.get(track)?.doubts.includes(each) !== true));
    if (news.replaced === undefined) return;
    for (const track of dirty) urgent.add(track);
  }

  async function write(tracks: Set<Track>): Promise<void> {
    if (store === undefined || tracks.size === 0) return;
    const changes: CoverageChange[] = [];
    const taken = new Map<Track, Track["unsaved"]>();
    try {
      await hear();
      // A feed that ends has brought into doubt what may be corrected.
      const settled = isStopped ? Infinity : Math.floor(settledUntil() / stepMs) * stepMs;
      for (const track of tracks) {
        // The time behind a bar on its way to the table is saved with it: so a kill leaves unknown minutes at the end
        // alone.
        const until = Math.min(settled, ...track.inFlight.map(({ from }) => from));
        const confirmed = track.unsaved.flatMap((each) => intersect(each, [[-Infinity, until]]));
        taken.set(track, confirmed);
        saved.set(track, { doubts: track.coverage.doubts, begin: beginOf(track.coverage) });
        changes.push({ symbol: track.symbol, confirmed, doubts: track.coverage.doubts });
        track.unsaved = track.unsaved.flatMap((each) => subtract(each, [[-Infinity, until]]));
        if (track.unsaved.length === 0) dirty.delete(track);
        urgent.delete(track);
      }
      await store.save(owner, changes);
      hasFailed = false;
    } catch (error) {
      for (const [track, ranges] of taken) {
        // A part that is in doubt by now stays so.
        const { doubts } = track.coverage;
        for (const [from, to] of ranges) {
          if (!doubts.some((each) => each.from < to && each.to > from)) settle(track, [from, to]);
        }
        dirty.add(track);
        saved.delete(track);
      }
      if (!hasFailed) onFailure(error as Error);
      hasFailed = true;
      throw error;
    }
  }

  function save(tracks: Set<Track>): Promise<void> {
    return saving = saving.catch(() => {}).then(() => write(new Set(tracks)));
  }

  async function read(): Promise<ReadonlyMap<string, SeriesCoverage>> {
    await before?.save();
    return await store?.load(owner) ?? new Map();
  }

  /**
   * Adds doubts over stored bars without coverage, and over the unknown time before a doubt: a doubt is saved before
   * the bars in front of it are.
   */
  async function withNewest(
    stored: ReadonlyMap<string, SeriesCoverage>,
    newest: ReadonlyMap<string, number>,
    peers: ReadonlyMap<string, readonly SeriesCoverage[]>,
  ): Promise<ReadonlyMap<string, SeriesCoverage>> {
    const all = new Map(stored);
    const own = await readOwn(stored, newest, peers);
    const now = Date.now();
    for (const symbol of new Set([...stored.keys(), ...newest.keys()])) {
      const coverage = all.get(symbol) ?? UNKNOWN;
      const to = (newest.get(symbol) ?? -Infinity) + stepMs;
      const end = endOf(coverage);
      const [range, reason] = end === -Infinity
        ? [[to - Math.max(UPGRADE_MS, stepMs), to] as const, "upgraded" as const]
        : [[savedUntil(coverage), Math.max(to, end)] as const, "stopped" as const];
      const known = coverage.doubts.map((each): Interval => [each.from, each.to]);
      // Corrections of this member's own bars may be lost, although another one has the minute.
      const held = heldBy(peers.get(symbol)).flatMap((each) => subtract(each, own.get(symbol) ?? []));
      const opened = subtract(range, known).flatMap((each) => subtract(each, held)).map(([from, to]) => ({
        from,
        to,
        reason,
        foundAt: now,
        dueAt: now,
        attempts: 0,
      }));
      all.set(symbol, opened.reduce(doubt, coverage));
    }
    return all;
  }

  /** Where this member has stored bars itself since its coverage was saved, of symbols that others of its group have. */
  async function readOwn(
    stored: ReadonlyMap<string, SeriesCoverage>,
    newest: ReadonlyMap<string, number>,
    peers: ReadonlyMap<string, readonly SeriesCoverage[]>,
  ): Promise<ReadonlyMap<string, readonly Interval[]>> {
    const ranges = new Map<string, Interval>();
    for (const [symbol, start] of newest) {
      const until = savedUntil(stored.get(symbol) ?? UNKNOWN);
      const from = Math.max(until === Infinity ? -Infinity : until, start - UPGRADE_MS);
      if (peers.has(symbol) && from <= start) ranges.set(symbol, [from, start + stepMs]);
    }
    if (ranges.size === 0 || store?.starts === undefined) return new Map();
    const found = await store.starts(owner, ranges);
    return new Map(Array.from(found, ([symbol, { within }]) => [symbol, runsOf(within)]));
  }

  /** The bars as ranges; those a few steps apart share one. */
  function runsOf(starts: readonly number[]): Interval[] {
    const runs: [number, number][] = [];
    for (const start of starts) {
      const last = runs.at(-1);
      if (last !== undefined && start - last[1] <= NEAR * stepMs) last[1] = start + stepMs;
      else runs.push([start, start + stepMs]);
    }
    return runs;
  }

  function startSaving(): void {
    timers.push(
      setInterval(() => save(urgent).catch(() => {}), URGENT_MS),
      setInterval(() => save(dirty).catch(() => {}), saveEveryMs(symbols)),
      setInterval(() => void (saving = saving.catch(() => {}).then(hear).catch(() => {})), NEWS_MS),
    );
  }

  return {
    async load(newest, coverage, peers = new Map()) {
      startSaving();
      const take = (known: ReadonlyMap<string, SeriesCoverage>) => {
        coverage.learn(known);
        heed = coverage.relearn;
      };
      const stored = await read().then((known) => withNewest(known, newest, peers)).catch((error) => {
        onFailure(error);
        const again = setInterval(() => {
          read().then((known) => withNewest(known, newest, peers)).then((known) => {
            clearInterval(again);
            take(known);
          }, () => {});
        }, LOAD_AGAIN_MS);
        timers.push(again);
      });
      if (stored !== undefined) take(stored);
    },
    changed(track) {
      dirty.add(track);
      // A commit after the feed has ended may be the last event of it.
      if (isStopped) save(dirty).catch(() => {});
      const last = saved.get(track);
      // Before the first bar, where a series begins is known here alone.
      const hasBegun = last?.begin !== beginOf(track.coverage);
      if (hasBegun || (!isConfirmed && track.coverage.doubts !== last!.doubts && isBusy(track))) urgent.add(track);
    },
    save: () => save(dirty),
    stop() {
      isStopped = true;
      timers.forEach(clearInterval);
      save(dirty).catch(() => {});
    },
  };
}
