/**
 * The coverage of a symbol by the other members of a failover group.
 *
 * @module
 */
import { beginOf, type SeriesCoverage } from "../../../coverage/coverage.ts";
import { type Interval, unite } from "../../../records/intervals.ts";
import { isAboutMissing } from "./track.ts";

/** How far back a feed asks for bars that the members before it lack, in milliseconds. */
const REACH_MS = 24 * 60 * 60_000;

/** Where an unknown symbol begins, in epoch ms: with the run, or earlier with the members before this one. */
export function beginningOf(run: number, peers: readonly SeriesCoverage[] = []): number {
  return Math.min(run, Math.max(Math.min(...peers.map(beginOf)), run - REACH_MS));
}

/** Ranges of a symbol that others have; they settle doubts about their own values. */
export function heldBy(peers: readonly SeriesCoverage[] = []): Interval[] {
  let held: Interval[] = [];
  for (const { confirmed, doubts } of peers) {
    for (const range of confirmed) held = unite(held, range);
    for (const each of doubts) if (!isAboutMissing(each)) held = unite(held, [each.from, each.to]);
  }
  return held;
}
