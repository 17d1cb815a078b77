/**
 * Loads the coverage of a feed, and saves it after the commits. The begin of a series and doubts of busy symbols are
 * saved within seconds, everything else every quarter of an hour, or each hour with many symbols, and at the end. The
 * ends of ten thousand symbols move each minute: saving them each time would take 1.5 MB of WAL, or 5 MB after a
 * checkpoint, while asking for an hour again takes hardly more requests than asking for a minute. A bar is saved as
 * confirmed once the vendor no longer corrects it: after a kill its correction would be missed.
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
   * Reads the coverage of earlier runs, and from then on the changes of others. Bars stored after the last save are in
   * doubt; if a symbol has bars and no coverage, its last day is. An unreachable store is asked again until it answers,
   * while the feed streams.
   *
   * @param newest Start of the newest stored bar of each symbol.
   * @param peers Coverage of other members of a failover group, whose minutes this feed does not fill.
   */
  load(
    newest: ReadonlyMap<string, number>,
    coverage: Pick<FeedCoverage, "learn" | "relearn">,
    peers?: ReadonlyMap<string, readonly SeriesCoverage[]>,
  ): Promise<void>;
  /** Call when the track has changed. */
  changed(track: Track): void;
  /** Saves the changes. */
  save(): Promise<void>;
  /** Stops saving at intervals, and saves the changes. */
  stop(): void;
}

/** Options of {@linkcode createCoverageKeeper}. */
export interface KeeperOptions {
  owner: SeriesOwner;
  stepMs: number;
  /** Number of symbols of the feed. @default {1} */
  symbols?: number;
  /** Absent if no coverage is kept. */
  store: CoverageStore | undefined;
  /** Whether history has to confirm each bar, so that doubts are ordinary. */
  isConfirmed: boolean;
  /**
   * Bars that end later may still be corrected, in epoch ms; they are saved as confirmed when they no longer can be.
   */
  settledUntil: () => number;
  /** The keeper before this one, whose unsaved changes are saved first. */
  before?: CoverageKeeper;
  /** Called when the store is another one than before, with the reason. @default {no call} */
  onReplaced?: (reason: string) => void;
  /** Called when the coverage cannot be read or saved, once for each series of failures. */
  onFailure: (error: Error) => void;
}

/** Steps between stored bars that share a doubt. */
const NEAR = 5;
const URGENT_MS = 5_000;
const LOAD_AGAIN_MS = 2_000;
const LEAST_MS = 15 * 60_000, MOST_MS = 60 * 60_000;
/**
 * Number of symbols from which on their ends are saved each hour: at most 5 MB of WAL, so less than 100 KB a minute.
 */
const MANY = 10_000;
/** Interval of reading the changes of others, in milliseconds. */
const NEWS_MS = 60_000;
/** Length of the doubt at the end of a series written by an earlier version, in milliseconds. */
const UPGRADE_MS = 24 * 60 * 60_000;

/** The time up to which the last run has saved everything. Later, doubts and confirmed bars may be unsaved. */
function savedUntil({ confirmed, doubts }: SeriesCoverage): number {
  const until = Math.max(confirmed.at(-1)?.[1] ?? -Infinity, doubts.findLast(isUnrepairable)?.to ?? -Infinity);
  return until === -Infinity ? beginOf({ confirmed, doubts }) : until;
}

/** Interval of saving the coverage of that many symbols, in milliseconds. */
export const saveEveryMs = (symbols: number): number =>
  Math.round(Math.max(LEAST_MS, Math.min(MOST_MS, symbols / MANY * MOST_MS)));

/** Starts to keep the coverage. */
export function createCoverageKeeper(
  { owner, stepMs, symbols = 1, store, isConfirmed, settledUntil, before, onFailure, onReplaced = () => {} }:
    KeeperOptions,
): CoverageKeeper {
  const dirty = new Set<Track>();
  const urgent = new Set<Track>();
  /** The urgent parts of each series at the last save: its doubts, and its begin. */
  const saved = new WeakMap<Track, { readonly doubts: SeriesCoverage["doubts"]; readonly begin: number }>();
  let saving: Promise<void> = Promise.resolve();
  let hasFailed = false;
  /** Takes over the changes of others, once the coverage is loaded. */
  let heed: FeedCoverage["relearn"] | undefined;
  let isStopped = false;
  const timers: ReturnType<typeof setInterval>[] = [];

  /** Reads the changes of others. */
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
      // A feed that ends has doubted all bars that may still be corrected.
      const settled = isStopped ? Infinity : Math.floor(settledUntil() / stepMs) * stepMs;
      for (const track of tracks) {
        // The time behind a bar on its way to the table is saved with the bar, so that a kill leaves unknown minutes
        // only at the end.
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
        // A part that is in doubt by now stays in doubt.
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
   * Adds doubts over stored bars without coverage, and over the unknown time before a doubt, since a doubt is saved
   * before the bars in front of it.
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
      // Corrections of this member's own bars may be lost, even if another one has the minute.
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

  /** Bars that this member has stored since its coverage was saved, of symbols that others of its group have. */
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

  /** The bars as ranges; bars a few steps apart share one. */
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
      // A commit after the end of the feed may be its last event.
      if (isStopped) save(dirty).catch(() => {});
      const last = saved.get(track);
      // Before the first bar, only this process knows where a series begins.
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
