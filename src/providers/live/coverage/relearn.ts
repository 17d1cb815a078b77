/**
 * Takes over the changes of others in the store while a feed streams: backfills, repairs of gaps, deletions, a restore.
 *
 * @module
 */
import { confirm, type Doubt, doubt, type SeriesCoverage } from "../../../coverage/coverage.ts";
import { type Interval, subtract } from "../../../records/intervals.ts";
import type { Track } from "./track.ts";
import { forgetValues } from "./values.ts";

/** The unsaved part of the track, and the change of the store. */
export interface RelearnOptions {
  /** Doubts opened or changed since the last save. */
  readonly unsaved: readonly Doubt[];
  /** Whether the store was replaced, so that it may lack saved coverage. */
  readonly isReplaced: boolean;
  readonly now: number;
}

/**
 * Gives the track the coverage of the store, with its own unsaved part on top: ranges that others confirmed are
 * confirmed, ranges that they doubt are in doubt. If the store was replaced, ranges that the track had confirmed and
 * the new store does not confirm are in doubt.
 */
export function relearn(track: Track, stored: SeriesCoverage, { unsaved, isReplaced, now }: RelearnOptions): void {
  const before = track.coverage.confirmed;
  const inDoubt = stored.doubts.map(({ from, to }): Interval => [from, to]);
  const deleted = stored.doubts.filter(({ reason }) => reason === "deleted").map((
    { from, to },
  ): Interval => [from, to]);
  // Their commits before prove nothing about a replaced store.
  const own = isReplaced ? [] : track.unsaved.flatMap((range) => subtract(range, deleted));
  let coverage = stored;
  for (const range of own) coverage = confirm(coverage, range);
  for (const each of unsaved) {
    for (const [from, to] of subtract([each.from, each.to], stored.confirmed)) {
      coverage = doubt(coverage, { ...each, from, to });
    }
  }
  if (isReplaced) {
    const kept = [...stored.confirmed, ...inDoubt].sort((a, b) => a[0] - b[0]);
    for (const range of before) {
      for (const [from, to] of subtract(range, kept)) {
        coverage = doubt(coverage, { from, to, reason: "restored", foundAt: now, dueAt: now, attempts: 0 });
      }
    }
  }
  // Bars of history are stored again, even if the stream had them before.
  const isGone = (ts: number) => isReplaced || deleted.some(([from, to]) => ts >= from && ts < to);
  forgetValues(track.values, isGone);
  for (const ts of track.corrected?.keys() ?? []) if (isGone(ts)) track.corrected!.delete(ts);
  track.coverage = coverage;
  track.unsaved = own;
}
