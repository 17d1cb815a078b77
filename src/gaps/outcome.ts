/**
 * Outcomes of gaps.
 *
 * @module
 */
import type { Range } from "../calendar/mod.ts";
import { isUnrepairable } from "../coverage/coverage.ts";
import { explainDoubt } from "./known.ts";
import type { Gap } from "./scan.ts";

/**
 * - `missing`: not stored, and not confirmed to be without trades;
 * - `repaired`: fetched from history and stored by this run;
 * - `no-trade`: history has proved that it had no trades;
 * - `unrepairable`: history is no longer asked: it does not reach that far, the account may not read it, no answer has
 *   settled it, or the provider has no history.
 */
export type GapState = "missing" | "repaired" | "no-trade" | "unrepairable";

/** A run of expected bars, and their outcome. */
export interface GapOutcome extends Range {
  readonly state: GapState;
  /** Whether it was known before to be without trades. */
  readonly wasKnown?: true;
  /** Why it is missing or unrepairable; `unknown` if it is neither confirmed nor in doubt. */
  readonly reason?: string;
}

/** The outcome of a gap before history is asked. */
export function describeGap({ from, to, isNoTrade, doubt }: Gap): GapOutcome {
  if (isNoTrade) return { from, to, state: "no-trade", wasKnown: true };
  if (doubt === undefined) return { from, to, state: "missing", reason: "unknown" };
  return { from, to, state: isUnrepairable(doubt) ? "unrepairable" : "missing", reason: explainDoubt(doubt) };
}

/** Totals of each outcome, in minutes of bars. */
export interface GapTotals {
  /** Missing at the start of this run: all below, except those known before to be without trades. */
  readonly found: number;
  readonly repaired: number;
  /** Without trades, known before or found by this run. */
  readonly noTrade: number;
  readonly unrepairable: number;
  /** Still missing. */
  readonly missing: number;
  /** Neither confirmed nor in doubt, with or without stored bars; not for series without a history. */
  readonly unknown: number;
}

/** Totals without any gap. */
export const NO_GAPS: GapTotals = { found: 0, repaired: 0, noTrade: 0, unrepairable: 0, missing: 0, unknown: 0 };

const TOTALS: Record<GapState, Exclude<keyof GapTotals, "found" | "unknown">> = {
  missing: "missing",
  repaired: "repaired",
  "no-trade": "noTrade",
  unrepairable: "unrepairable",
};

/** The minutes of a range. */
export function minutesOf({ from, to }: Range): number {
  return (to - from) / 60_000;
}

/** The totals with another gap. */
export function addGap(totals: GapTotals, gap: GapOutcome): GapTotals {
  const minutes = minutesOf(gap);
  const name = TOTALS[gap.state];
  return { ...totals, found: totals.found + (gap.wasKnown ? 0 : minutes), [name]: totals[name] + minutes };
}
