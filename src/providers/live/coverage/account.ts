/**
 * Accounts for minutes that a feed has not delivered, and their outcomes.
 *
 * @module
 */
import type { DoubtReason } from "../../../coverage/coverage.ts";
import type { Doubts, GapOutcome, Listener } from "../../../events.ts";
import { intersect, type Interval, subtract, unite } from "../../../records/intervals.ts";
import { formatTime } from "../../../records/time.ts";
import type { FeedCoverage } from "../coverage.ts";
import { openMinutes, type Reconciled } from "./reconcile.ts";
import { limitsFor, type Track } from "./track.ts";
import { isAskable, isBusy } from "./urgency.ts";

/** The account of all symbols of a feed. Minutes count while the symbol's market is open. */
export interface FeedAccount {
  /** No bar came in the range, although bars were expected; `undefined` means no range. */
  found(track: Track, range: Interval | undefined): void;
  /** An answer of history was applied. */
  answered(track: Track, result: Reconciled): void;
  /** History is refused for the symbols. */
  refused(tracks: readonly Track[]): void;
  /** Emits the amount in doubt if it has changed. History is `delayMs` late. */
  emitDoubts(coverage: FeedCoverage, delayMs: number): void;
}

/** Creates an account for that many symbols. */
export function createFeedAccount(
  provider: string,
  emit: Listener,
  warn: (message: string, key?: string) => void,
  symbols = 1,
): FeedAccount {
  /** Most remembered ranges of a symbol; if more are found and none is repaired, the oldest no longer count. */
  const { doubts: maxMissed } = limitsFor(symbols);
  let told = "";
  /** Missed ranges of each symbol that are neither repaired nor given up: each counts once. */
  const missed = new Map<string, readonly Interval[]>();

  function count(track: Track, outcome: GapOutcome, ranges: readonly Interval[]): void {
    const minutes = openMinutes(track, ranges);
    if (minutes > 0) emit({ type: "gap", provider, outcome, minutes });
  }

  /** Counts the missed parts of the ranges, and removes them. */
  function close(track: Track, outcome: GapOutcome, ranges: readonly Interval[]): void {
    const before = missed.get(track.symbol) ?? [];
    count(track, outcome, ranges.flatMap((range) => intersect(range, before)));
    const left = before.flatMap((each) => subtract(each, sorted(ranges)));
    if (left.length > 0) missed.set(track.symbol, left);
    else missed.delete(track.symbol);
  }

  function countBars(outcome: "got" | "none" | "lost", bars: number): void {
    if (bars > 0) emit({ type: "gap-bars", provider, outcome, bars });
  }

  return {
    found(track, range) {
      if (range === undefined || range[0] >= range[1]) return;
      const before = missed.get(track.symbol) ?? [];
      count(track, "found", subtract(range, before));
      missed.set(track.symbol, unite(before, range).slice(-maxMissed));
    },
    answered(track, { settled, lost, bars, isContradicted, withoutRow }) {
      close(track, "repaired", settled);
      close(track, "unrepairable", lost);
      countBars("got", bars);
      countBars("none", Math.max(0, openSteps(track, settled) - bars));
      countBars("lost", openSteps(track, lost));
      for (const [from, to] of lost) {
        const range = `from ${formatTime(from)} to ${formatTime(to)}`;
        warn(`bars of ${track.symbol} ${range} are lost: history no longer has them`);
      }
      if (withoutRow.length > 0) {
        warn(
          `history of ${track.symbol} has no row for times between others, first from ${
            withoutRow[0].map(formatTime).join(" to ")
          }: they stay in doubt, and it is asked again`,
          `history without rows ${track.symbol}`,
        );
      }
      if (!isContradicted) return;
      warn(
        `history of ${track.symbol} lacks bars that are stored: nothing is taken for repaired, and it is asked again`,
        "history lacks bars",
      );
    },
    refused(tracks) {
      for (const track of tracks) {
        close(track, "unrepairable", track.coverage.doubts.map(({ from, to }) => [from, to]));
      }
    },
    emitDoubts(coverage, delayMs) {
      const doubts = measureDoubts(coverage.inDoubt(), delayMs);
      const text = JSON.stringify(doubts);
      if (text === told) return;
      told = text;
      emit({ type: "doubts", provider, ...doubts });
    },
  };
}

/** Adds up the doubts of some symbols. */
export function measureDoubts(tracks: Iterable<Track>, delayMs: number): Doubts {
  const minutes: Partial<Record<DoubtReason, number>> = {};
  let series = 0;
  let since = Infinity;
  let busySince = Infinity;
  for (const track of tracks) {
    series++;
    for (const { from, to, reason } of track.coverage.doubts) {
      minutes[reason] = (minutes[reason] ?? 0) + openMinutes(track, [[from, to]]);
    }
    const open = track.coverage.doubts.filter((each) => isAskable(each) && each.reason !== "denied");
    const oldest = Math.min(...open.map(({ foundAt }) => foundAt));
    since = Math.min(since, oldest);
    if (oldest < busySince && isBusy(track)) busySince = oldest;
  }
  return {
    ...{ minutes, series, delayMs },
    ...(since === Infinity ? {} : { since }),
    ...(busySince === Infinity ? {} : { busySince }),
  };
}

const sorted = (ranges: readonly Interval[]) => ranges.toSorted((a, b) => a[0] - b[0]);

/** Bars that a range without a pause in trading has while the market is open. */
const openSteps = (track: Track, ranges: readonly Interval[]) =>
  Math.round(openMinutes(track, ranges) * 60_000 / track.stepMs);
