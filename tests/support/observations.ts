/**
 * Observations of one bar, and the one that must win.
 *
 * @module
 */
import fc from "fast-check";
import type { Bar, BarStatus } from "../../src/records/bar.ts";
import { decodeFrame, encodeFrame } from "../../src/records/codec.ts";
import { recordKind } from "../../src/records/mod.ts";
import { frameOf, recordsOf } from "./frames.ts";

const kind = recordKind("bar");

/** A plain bar of the feed, one that is under way, a correction, or a bar of history. */
export type Source = "plain" | "forming" | "correction" | "history";
const SOURCES: readonly Source[] = ["plain", "forming", "correction", "history"];
/** The status of each as a record. */
export const STATUSES: Record<Source, BarStatus> = {
  plain: "final",
  forming: "provisional",
  correction: "correction",
  history: "final",
};

/** What was seen of a bar: how, with which value, and when (as a number of seconds). */
export interface Observation {
  readonly source: Source;
  readonly value: number;
  readonly at: number;
}

/** Where the bars begin. */
export const START_MS = Date.now() - 3_600_000;

/** The record of an observation of the bar that starts at `ts`, as it comes out of the journal or a message. */
export function recordOf({ source, value, at }: Observation, ts: number): Bar {
  const bar: Bar = {
    provider: "feed",
    symbol: "S",
    timeframe: "1m",
    ts,
    open: value,
    high: value,
    low: value,
    close: value,
    volume: 1,
    status: STATUSES[source],
    receivedAt: (START_MS + 120_000 + at * 1000) * 1000,
    ...(source === "history" ? { fromHistory: 1 as const } : {}),
  };
  const frame = frameOf({ kind: "bar", provider: "feed", receivedAt: bar.receivedAt, records: [bar], rejected: [] });
  return recordsOf(decodeFrame(encodeFrame(frame, kind)))[0];
}

const isRevision = ({ source }: Observation) => source === "correction" || source === "history";

/** The observation that must win, in whatever order they arrive. */
export function newestOf(observations: readonly Observation[]): Observation {
  return observations.reduce((best, next) => {
    if (isRevision(best) !== isRevision(next)) return isRevision(next) ? next : best;
    return next.at > best.at ? next : best;
  });
}

/** All orders of some items. */
export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}

/** All orders of `ones` turns of a first run and `others` of a second: whose turn it is. */
export function turns(ones: number, others: number): (0 | 1)[][] {
  if (ones + others === 0) return [[]];
  return [
    ...(ones > 0 ? turns(ones - 1, others).map((rest): (0 | 1)[] => [0, ...rest]) : []),
    ...(others > 0 ? turns(ones, others - 1).map((rest): (0 | 1)[] => [1, ...rest]) : []),
  ];
}

/** Five observations, each later than the one before. */
export const observations: fc.Arbitrary<Observation[]> = fc.array(
  fc.record({ source: fc.constantFrom(...SOURCES), value: fc.integer({ min: 1, max: 3 }) }),
  { minLength: 5, maxLength: 5 },
).map((all) => all.map((each, at) => ({ ...each, at })));
