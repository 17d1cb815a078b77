/**
 * Gathers gaps to repair together: of one provider and timeframe, within a limit of memory.
 *
 * @module
 */
import type { Client } from "pg";
import { type Doubt, isUnrepairable } from "../coverage/coverage.ts";
import type { Names } from "../database/names.ts";
import type { Interval } from "../records/intervals.ts";
import { readKnown } from "./known.ts";
import { findGaps, type Gap } from "./scan.ts";
import type { Scope } from "./scope.ts";
import type { StoredSeries } from "./series.ts";
import { findUnknown, type Unknown } from "./unknown.ts";

/** A series, or the rest of one, to check. */
export interface ScopedSeries {
  readonly series: StoredSeries;
  readonly scope: Scope;
}

/** The request for a part of a series. */
export interface Part extends ScopedSeries {
  /** Missing ranges in the scope. */
  readonly gaps: readonly Gap[];
  /** Doubtful ranges in the scope, stored or not. */
  readonly doubts: readonly Doubt[];
  /** Ranges in the scope that are neither confirmed nor in doubt. */
  readonly unknown: readonly Unknown[];
}

/** Most gaps of a slice. */
const MAX_GAPS = 50_000;
/** Most series of a slice. */
const MAX_SERIES = 10_000;
/** Number of further bars that costs about as much as another request. */
const BARS_A_REQUEST = 1000;

/**
 * Takes the next slice off `queue`, in which series of one provider and timeframe are adjacent. Ranges without room in
 * a slice go back.
 */
export async function takeSlice(
  client: Client,
  names: Names,
  queue: ScopedSeries[],
  maxGaps = MAX_GAPS,
): Promise<Part[]> {
  const parts: Part[] = [];
  const [first] = queue;
  let count = 0;
  while (queue.length > 0 && count < maxGaps && parts.length < MAX_SERIES) {
    const { series, scope } = queue[0];
    if (series.provider !== first.series.provider || series.timeframe !== first.series.timeframe) break;
    queue.shift();
    const gaps: Gap[] = [];
    for await (const gap of findGaps({ client, names, seriesId: series.id, ...scope })) {
      gaps.push(gap);
      if (++count < maxGaps) continue;
      if (gap.to < scope.to) queue.unshift({ series, scope: { ...scope, from: gap.to } });
      break;
    }
    const isWhole = queue[0]?.series !== series;
    const end = isWhole ? scope.to : gaps.at(-1)!.to;
    const part = isWhole ? scope : { ...scope, to: end, doubtsTo: end };
    const known = await readKnown(client, names, series.id, part.from, part.to);
    parts.push({
      series,
      scope: part,
      gaps,
      doubts: known.flatMap(({ doubt = [] }) => doubt),
      unknown: findUnknown(series, part, known),
    });
  }
  return parts;
}

/**
 * The intervals to request from history, newest first: history most likely has recent bars. Gaps and doubts near each
 * other are merged.
 */
export function planRequests({ gaps, doubts, scope }: Part): Interval[] {
  const missing = gaps.filter(({ isNoTrade, doubt }) => !isNoTrade && doubt?.reason !== "horizon");
  const open = doubts.filter((doubt) => !isUnrepairable(doubt));
  const asked = [...missing, ...open].map(({ from, to }) => [Math.max(from, scope.from), Math.min(to, scope.to)]);
  const intervals: [number, number][] = [];
  for (const [from, to] of asked.sort((a, b) => a[0] - b[0])) {
    const last = intervals.at(-1);
    if (last !== undefined && from - last[1] <= BARS_A_REQUEST * scope.stepMs) last[1] = Math.max(last[1], to);
    else intervals.push([from, to]);
  }
  return intervals.reverse();
}
