/**
 * Compares the bars of two providers, which should be equal for the same symbol and time.
 *
 * Final bars and corrections are compared once both have come, and again when one of them changes. The last {@linkcode
 * WINDOW} bars of each series and side are remembered, so that one side may be later than the other, for instance by 15
 * minutes. The comparison watches passing frames, delays nothing, and takes 3 kB a series.
 *
 * @module
 */
import type { Listener } from "../events.ts";
import { type Bar, bar as barKind } from "../records/bar.ts";
import type { Frame } from "../records/frame.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";

/** Compared fields. */
export const QUORUM_FIELDS = ["open", "high", "low", "close", "volume"] as const;
/** See {@linkcode QUORUM_FIELDS}. */
export type QuorumField = typeof QUORUM_FIELDS[number];

/** Options of {@linkcode createQuorum}. */
export interface QuorumOptions {
  /** Names of the two providers in the rows. */
  providers: readonly [string, string];
  /** Largest relative price difference treated as equal. */
  tolerance: number;
  /** The same for volumes; without it they are not compared, since few feeds see all trades. */
  volumeTolerance?: number;
  emit: Listener;
}

/** A bar with a difference. */
export interface Mismatch {
  readonly symbol: string;
  readonly timeframe: string;
  /** Start of the bar, in epoch seconds. */
  readonly ts: number;
  /** Each field with a difference: the values of both providers, and the difference as a share of the larger one. */
  readonly fields: Partial<Record<QuorumField, Readonly<Record<string, number>>>>;
}

/** Findings of the comparison. */
export interface QuorumReport {
  readonly providers: readonly string[];
  readonly tolerance: number;
  readonly volumeTolerance?: number;
  /** Number of comparisons, and of those with a difference. */
  readonly compared: number;
  readonly mismatched: number;
  /** Bars with a difference now, newest finding first, {@linkcode MAX_LISTED} at most. */
  readonly mismatches: readonly Mismatch[];
}

/** Compares bars of frames. */
export interface Quorum {
  /** Compares the bars of a frame on its way to the queue. */
  look(frame: Frame): void;
  report(): QuorumReport;
}

/** Bars of a series to remember. */
export const WINDOW = 32;
/** Most bars to list. */
export const MAX_LISTED = 1000;
/** Most series to remember; beyond that the oldest is dropped. */
const MAX_SERIES = 20_000;
/** Numbers of a bar: its time, counted in timeframes, and its fields. */
const SIZE = 1 + QUORUM_FIELDS.length;

/** Creates a quorum without bars. */
export function createQuorum(options: QuorumOptions): Quorum {
  const { providers, tolerance, volumeTolerance, emit } = options;
  const tolerances = [tolerance, tolerance, tolerance, tolerance, volumeTolerance ?? Infinity];
  const all = new Map<string, Float64Array>();
  const listed = new Map<string, Mismatch>();
  let compared = 0;
  let mismatched = 0;

  /** The window of a series: the first provider's, followed by the second's. */
  function windowOf(symbol: string, timeframe: string): Float64Array {
    const key = `${timeframe} ${symbol}`;
    let found = all.get(key);
    if (found === undefined) {
      if (all.size >= MAX_SERIES) all.delete(all.keys().next().value!);
      all.set(key, found = new Float64Array(2 * WINDOW * SIZE).fill(-Infinity));
    }
    return found;
  }

  /** Records a bar. Returns the fields that differ from the other provider's, or `undefined` without a comparison. */
  function note(bar: Bar, side: number, counts: Partial<Record<QuorumField, number>>): Mismatch | "same" | undefined {
    const stepMs = TIMEFRAMES.get(bar.timeframe);
    if (stepMs === undefined) return undefined;
    const window = windowOf(bar.symbol, bar.timeframe);
    const place = Math.floor(bar.ts / stepMs);
    const slot = (place % WINDOW + WINDOW) % WINDOW;
    const own = (side * WINDOW + slot) * SIZE;
    const other = ((1 - side) * WINDOW + slot) * SIZE;
    // A newer bar has replaced it.
    if (window[own] > place) return undefined;
    let isKnown = window[own] === place;
    window[own] = place;
    for (let at = 0; at < QUORUM_FIELDS.length; at++) {
      const value = bar[QUORUM_FIELDS[at]];
      isKnown &&= window[own + 1 + at] === value;
      window[own + 1 + at] = value;
    }
    // A bar repeated by history is not compared again.
    if (isKnown || window[other] !== place) return undefined;
    const fields: Mismatch["fields"] = {};
    let differs = false;
    for (let at = 0; at < QUORUM_FIELDS.length; at++) {
      const [mine, theirs] = [window[own + 1 + at], window[other + 1 + at]];
      const difference = mine === theirs ? 0 : Math.abs(mine - theirs) / Math.max(Math.abs(mine), Math.abs(theirs));
      if (difference <= tolerances[at]) continue;
      const field = QUORUM_FIELDS[at];
      fields[field] = { [providers[side]]: mine, [providers[1 - side]]: theirs, difference };
      counts[field] = (counts[field] ?? 0) + 1;
      differs = true;
    }
    return differs ? { symbol: bar.symbol, timeframe: bar.timeframe, ts: bar.ts / 1000, fields } : "same";
  }

  /** Lists a bar with a difference, as the newest; removes one without. */
  function list({ symbol, timeframe, ts }: Bar, found: Mismatch | "same"): void {
    if (found === "same" && listed.size === 0) return;
    const key = `${timeframe} ${ts} ${symbol}`;
    listed.delete(key);
    if (found === "same") return;
    listed.set(key, found);
    if (listed.size > MAX_LISTED) listed.delete(listed.keys().next().value!);
  }

  return {
    look(frame) {
      const side = frame.kind === "bar" ? providers.indexOf(frame.provider) : -1;
      if (side < 0) return;
      const counts: Partial<Record<QuorumField, number>> = {};
      let count = 0;
      let differing = 0;
      let example: Mismatch | undefined;
      for (const bar = barKind.cursor(frame.columns); bar.at < frame.columns.count; bar.at++) {
        const found = bar.status === "provisional" ? undefined : note(bar, side, counts);
        if (found === undefined) continue;
        count++;
        list(bar, found);
        if (found === "same") continue;
        differing++;
        example = found;
      }
      if (count === 0) return;
      compared += count;
      mismatched += differing;
      emit({ type: "quorum", compared: count, mismatched: differing, mismatches: counts, example });
    },
    report: () => ({
      providers,
      tolerance,
      volumeTolerance,
      compared,
      mismatched,
      mismatches: [...listed.values()].reverse(),
    }),
  };
}
