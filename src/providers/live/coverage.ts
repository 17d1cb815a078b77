/**
 * The coverage of a live feed: the minutes of each symbol with evidence. Read this first.
 *
 * A live series is whole where its coverage is **confirmed**, and nowhere else. Events that move a range:
 *
 * | event | range | becomes |
 * |---|---|---|
 * | a live bar adjoins the one before, and is committed | from the end of the one before to its own end | confirmed |
 * | a feed ends | open minutes since its newest bar | in doubt: `stopped` |
 * | a session is over, and its last minutes have no bar | the minutes | in doubt: `hole` |
 * | a live bar leaves out open minutes | the minutes left out | in doubt: `hole` |
 * | a connection, or a symbol's part of it, begins | from the end of the newest bar to the end of the forming bar | in doubt: `interrupted` |
 * | the same, where the vendor corrects bars | the bars that it may have corrected meanwhile | in doubt: `corrected` |
 * | a plain live bar that was over before the connection began, where the vendor corrects bars | the bar | in doubt: `corrected` |
 * | the last states of a bar are missing, or history alone says that it is over | the bar | in doubt: `partial` |
 * | history still has the value that a correction replaced | the bar | in doubt: `corrected` |
 * | a sound answer of history holds the bars on both sides | the doubt between them | confirmed |
 * | an answer does not reach the doubt's end | the rest | in doubt: `lag` |
 * | an answer lacks a row between others, where history has one for each step | the steps | in doubt: `lag` |
 * | a state of a bar that only history confirms came after history was asked | the bar | stays in doubt |
 * | an answer lacks a bar that is stored | nothing is settled | in doubt: `contradicted` |
 * | a live bar fills a doubt, and is committed | the bar | confirmed |
 * | the database was restored or exchanged, and does not confirm what was confirmed | the range | in doubt: `restored` |
 * | a bar is in the journal, and not in the table yet | the range that it would confirm | in doubt: `journaled` |
 * | the journal is drained, and the table has all of it | the same | confirmed |
 * | the journal is drained, and some of it was given up or refused | the same | in doubt: `refused` |
 * | a bar is among the dead letters | the bar, and those of its message | in doubt: `refused` |
 * | the account may not read the range | the doubt | in doubt: `denied` |
 * | history has ended before the doubt, or the doubt is older than repairs reach back | the doubt | unrepairable |
 *
 * The calendar decides whether a minute without a bar needs an explanation, and the evidence (`evidence.ts`) whether it
 * has one. The urgency (`urgency.ts`) decides when history is asked, and `repair.ts` asks it. Nothing follows from the
 * local clock alone: a live bar that does not adjoin opens a doubt at any time of the clock.
 *
 * A hole that half of the busy symbols share is an interruption: corrections of all symbols may be lost with it.
 *
 * The coverage is saved after the commits, only of bars that can no longer be corrected, and nothing is saved as
 * confirmed behind a bar on its way to the table. Doubts are saved at once. So a kill leaves the time after the last
 * confirmed range unknown. At the next start that is in doubt up to the first live bar: `stopped` where bars are stored
 * or doubts are known, else `interrupted`.
 *
 * @module
 */
import type { Calendar } from "../../calendar/mod.ts";
import { beginOf, type Doubt, type DoubtReason, type SeriesCoverage, UNKNOWN } from "../../coverage/coverage.ts";
import type { CoverageNews } from "../../coverage/store.ts";
import type { FinalOutcome } from "../../records/frame.ts";
import { type Interval, subtract } from "../../records/intervals.ts";
import type { FeedBar } from "./feed.ts";
import { beginningOf, heldBy } from "./coverage/peers.ts";
import { refuse } from "./coverage/reconcile.ts";
import { relearn } from "./coverage/relearn.ts";
import { createSharedHoles } from "./coverage/shared_holes.ts";
import {
  barsEnd,
  commit,
  createTrack,
  doubtUntilConfirmed,
  drain,
  forget,
  isAboutMissing,
  isOpenIn,
  learn,
  limitsFor,
  open,
  receive,
  type Track,
} from "./coverage/track.ts";
import { noteValues } from "./coverage/values.ts";
import { firstDue, isAskable, isBusy, isHastened, SETTLE_MS } from "./coverage/urgency.ts";

/** The coverage of all symbols of a feed. Times are epoch ms. */
export interface FeedCoverage {
  /** Takes over the coverage of earlier runs; the time between that and the coverage of this run is in doubt. */
  learn(known: ReadonlyMap<string, SeriesCoverage>): void;
  /** Takes over the changes of others; `unsaved` returns the unsaved doubts of a track. */
  relearn(news: CoverageNews, unsaved: (track: Track) => readonly Doubt[]): void;
  /** The track of a symbol of the feed. */
  track(symbol: string): Track;
  /** Tracks with doubts. */
  inDoubt(): Iterable<Track>;
  /** A finished live bar came; returns the hole before it. */
  received(bar: FeedBar): Interval | undefined;
  /** The live bar that starts at `ts` has this outcome; only a committed bar confirms anything. */
  acked(symbol: string, ts: number, outcome: FinalOutcome): void;
  /** Tracks with bars in the journal. */
  journaled(): Iterable<Track>;
  /** None of these ranges is in the journal any more; `isStored` says whether the table has all of them. */
  drained(ranges: ReadonlyMap<Track, readonly Interval[]>, isStored: boolean): void;
  /** The bar came, but was dropped for lack of room: it will not be in the table. */
  dropped(symbol: string, ts: number): void;
  /** The vendor says that the step that starts at `ts` has no trades. */
  quiet(symbol: string, ts: number): void;
  /** The symbol's bars come from now on. Returns the range in doubt before. */
  resumed(symbol: string): Interval;
  /** Data of the symbol, or of all, came until `heardAt`; bars after that may be missing. */
  interrupted(heardAt: number, symbol?: string): void;
  /** The feed has ended: bars since the newest one may be missing. */
  ended(): void;
  /** Opens a doubt. */
  doubt(symbol: string, from: number, to: number, reason: DoubtReason): void;
  /** Call after each change of a track. */
  changed(track: Track): void;
  /** Whether half of the busy symbols lack the bar before the one that starts at `ts`. */
  isShared(ts: number): boolean;
  /** When the bar that starts at `ts` is surely in history. */
  inHistoryAt(ts: number): number;
  /** The time up to which bars are surely in history at `now`. */
  readyAt(now: number): number;
}

/** Options of {@linkcode createFeedCoverage}. */
export interface FeedCoverageOptions {
  /** The calendar of a symbol's market. */
  calendar: ((symbol: string) => Calendar | undefined) | undefined;
  symbols: readonly string[];
  stepMs: number;
  /** Whether history has to confirm each bar. */
  isConfirmed: boolean;
  /** How long after its end the vendor may correct a bar, in milliseconds. */
  correctionMs: number;
  /** How far history lags beyond the moments that each bar takes, in milliseconds. */
  lagMs: () => number;
  /** The latest of the local clock, the vendor's, and the newest live bar. */
  now: () => number;
  /** The vendor's clock, or `now` if it is unknown. */
  vendorNow: () => number;
  /** When the feed was started, in milliseconds of the monotonic clock. */
  startedAt: number;
  /** Coverage of the other members of a failover group, by this feed's own symbols. */
  peers: ReadonlyMap<string, readonly SeriesCoverage[]>;
  keeper: { changed(track: Track): void };
}

/** Creates the coverage of a feed. */
export function createFeedCoverage(options: FeedCoverageOptions): FeedCoverage {
  const { calendar, symbols, stepMs, isConfirmed, correctionMs, lagMs, now, vendorNow, startedAt, peers, keeper } =
    options;
  const tracks = new Map<string, Track>();
  const doubtful = new Set<Track>();
  const inJournal = new Set<Track>();
  const shared = createSharedHoles(tracks);
  const limits = limitsFor(symbols.length);

  const floor = (ms: number) => Math.floor(ms / stepMs) * stepMs;
  const soon = (to: number) => Math.max(now(), to + stepMs) + SETTLE_MS + lagMs();

  function track(symbol: string): Track {
    let found = tracks.get(symbol);
    if (found === undefined) {
      found = createTrack(symbol, stepMs, calendar?.(symbol), limits);
      tracks.set(symbol, found);
    }
    return found;
  }

  function changed(of: Track): void {
    if (of.coverage.doubts.length > 0) doubtful.add(of);
    else doubtful.delete(of);
    if (of.journaled.length > 0) inJournal.add(of);
    else inJournal.delete(of);
    keeper.changed(of);
  }

  function openDoubt(of: Track, from: number, to: number, reason: DoubtReason, dueAt: number): void {
    open(of, { from, to, reason, foundAt: now(), dueAt, attempts: 0 });
    changed(of);
  }

  /** Opens doubts over a range, without the parts that are in doubt already and asked for anyway. */
  function doubtRest(of: Track, from: number, to: number, reason: DoubtReason, dueAt: number): void {
    const missing = of.coverage.doubts.filter(isAboutMissing).map((each): Interval => [each.from, each.to]);
    for (const [start, end] of subtract([from, to], missing)) openDoubt(of, start, end, reason, dueAt);
  }

  /** Doubts the bars before `until`, whose corrections may have come without a connection. */
  function doubtCorrections(of: Track, until = barsEnd(of), dueAt = now()): void {
    const [first] = of.coverage.confirmed;
    if (correctionMs === 0 || until === undefined || first === undefined) return;
    const from = Math.max(first[0], until - correctionMs);
    if (from < until) doubtRest(of, from, until, "corrected", dueAt);
  }

  /** A silence of the whole feed is as good as an interruption: corrections of symbols that lack no bar may be lost, too. */
  function doubtAllCorrections([from, to]: Interval): void {
    for (const each of tracks.values()) {
      doubtCorrections(each, Math.min(barsEnd(each) ?? from, from), firstDue(soon(to), isBusy(each)));
    }
  }

  /** Whether a bar was over before its symbol's bars came again. */
  const isRepeated = (of: Track, ts: number) => ts + stepMs <= vendorNow() - (performance.now() - of.resumedAt);

  /**
   * Whether a bar's correction may have come before its symbol's bars came again. A vendor may repeat several bars at a
   * subscription, each adjoining the one before.
   */
  function mayLackCorrection(of: Track, { ts, status }: FeedBar): boolean {
    if (correctionMs === 0 || status === "correction") return false;
    const isConfirmed = of.coverage.confirmed.some(([from, to]) => from <= ts && ts < to);
    return !isConfirmed && isRepeated(of, ts);
  }

  /** A live bar after a silence may allow history to prove more than before. */
  function hasten(of: Track, ts: number): void {
    for (const each of of.coverage.doubts) {
      const dueAt = each.reason === "partial" ? soon(ts) : firstDue(soon(ts), isBusy(of));
      if (isHastened(each, ts, isConfirmed) && isAskable(each) && dueAt < each.dueAt) open(of, { ...each, dueAt });
    }
  }

  /** The start of the feed by the vendor's present clock: the local one may have been ahead. */
  const startOfRun = () => floor(vendorNow() - (performance.now() - startedAt) - lagMs());

  /** Doubts the range between the start of the run and the assumed begin of the series. */
  function beginEarlier(of: Track): void {
    const begin = beginOf(of.coverage);
    if (of.isNew && begin < Infinity) doubtRest(of, startOfRun(), begin, "interrupted", now());
  }

  return {
    learn(known) {
      for (const symbol of symbols) {
        const before = known.get(symbol);
        if (before === undefined) continue;
        const of = track(symbol);
        learn(of, before, now());
        if (of.coverage.doubts.length > 0) doubtful.add(of);
      }
    },
    relearn({ changed: news, replaced }, unsaved) {
      for (const of of symbols.map(track)) {
        const stored = news.get(of.symbol) ?? (replaced === undefined ? undefined : UNKNOWN);
        if (stored === undefined) continue;
        relearn(of, stored, { unsaved: unsaved(of), isReplaced: replaced !== undefined, now: now() });
        changed(of);
      }
    },
    track,
    inDoubt: () => doubtful,
    changed,
    received(bar) {
      const of = track(bar.symbol);
      const before = of.head;
      if (of.isGuess) beginEarlier(of);
      if (mayLackCorrection(of, bar)) {
        openDoubt(of, bar.ts, bar.ts + stepMs, "corrected", now());
      }
      if (isConfirmed || bar.status === "correction") {
        const isOutranked = of.recent.includes(bar.ts) || isRepeated(of, bar.ts);
        of.values = noteValues(of.values, bar, limits.values, isOutranked);
      }
      const hole = receive(of, bar.ts);
      if (hole !== undefined) {
        // After a long hole any symbol looks thin.
        const wasBusy = isBusy(of, hole[0]);
        const dueAt = firstDue(soon(hole[1]), wasBusy);
        if (wasBusy) {
          shared.found(bar.ts);
          // Corrections of the bars before it may have been lost with the bars of the hole.
          doubtCorrections(of, hole[0], dueAt);
          if (shared.isNews(bar.ts)) doubtAllCorrections(hole);
        }
        doubtRest(of, hole[0], hole[1], "hole", dueAt);
        hasten(of, hole[1]);
      } else if (before === bar.ts) hasten(of, before);
      return hole;
    },
    acked(symbol, ts, outcome) {
      const of = track(symbol);
      if (outcome === "deadLettered") {
        refuse(of, forget(of, ts), ts + stepMs, now());
      } else {
        const isJournaled = outcome === "journaled";
        if (isConfirmed) doubtUntilConfirmed(of, ts, isJournaled, now(), soon(ts));
        else commit(of, ts, isJournaled);
      }
      changed(of);
    },
    journaled: () => inJournal,
    drained(ranges, isStored) {
      for (const [of, some] of ranges) {
        drain(of, some, isStored, now());
        changed(of);
      }
    },
    dropped(symbol, ts) {
      const of = track(symbol);
      openDoubt(of, forget(of, ts), ts + stepMs, "interrupted", now());
    },
    quiet(symbol, ts) {
      const of = track(symbol);
      const head = of.head;
      if (head === undefined || ts < head) return;
      const hole = ts > head && isOpenIn(of, head, ts);
      if (hole) openDoubt(of, head, ts, "hole", firstDue(soon(ts), isBusy(of)));
      of.head = ts + stepMs;
      of.inFlight.push({ ts, from: hole ? ts : head, isLate: false });
      commit(of, ts);
      changed(of);
    },
    resumed(symbol) {
      const of = track(symbol);
      const from = of.head ?? floor(beginningOf(startOfRun(), peers.get(symbol)));
      const to = Math.max(from, floor(now()) + stepMs);
      of.resumedAt = performance.now();
      of.isGuess = of.head === undefined;
      if (of.isGuess) of.isNew = true;
      else beginEarlier(of);
      of.head = to;
      for (const [start, end] of subtract([from, to], heldBy(peers.get(symbol)))) {
        openDoubt(of, start, end, "interrupted", now());
      }
      return [from, to];
    },
    interrupted(heardAt, symbol) {
      for (const each of symbol === undefined ? tracks.values() : [track(symbol)]) {
        each.heardAt = heardAt;
        doubtCorrections(each);
      }
    },
    ended() {
      const to = floor(vendorNow());
      for (const each of tracks.values()) {
        if (each.head !== undefined && isOpenIn(each, each.head, to)) doubtRest(each, each.head, to, "stopped", now());
      }
    },
    doubt(symbol, from, to, reason) {
      const of = track(symbol);
      openDoubt(of, floor(from), Math.ceil(to / stepMs) * stepMs, reason, soon(to));
    },
    isShared: shared.isShared,
    inHistoryAt: (ts) => ts + stepMs + SETTLE_MS + lagMs(),
    readyAt: (at) => floor(at - SETTLE_MS - lagMs()),
  };
}
