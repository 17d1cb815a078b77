/**
 * A row of what vendors do: one misdeed in an hour of trading, and what must have become of it.
 *
 * @module
 */
import type { Misdeeds, Plan, Spell } from "../model/plan.ts";
import type { Report } from "../model/run.ts";
import type { CoverageVenue } from "./venue.ts";

/** See the module's description. */
export interface Row {
  readonly title: string;
  /** Names of the feeds that it can happen to. @default {all} */
  readonly feeds?: readonly string[];
  /** What the vendor does; several things are tried one after the other. */
  readonly misdeeds: (at: Moments, venue: CoverageVenue) => Readonly<Record<string, Partial<Misdeeds>>>;
  /** How long it is watched. @default {45} */
  readonly minutes?: number;
  /** What the run is like beside that. */
  readonly plan?: (at: Moments) => Partial<Plan>;
  /** What is wrong beside minutes that differ in silence, in words. */
  readonly check?: (report: Report, at: Moments) => readonly string[];
}

/** Times of a run. */
export interface Moments {
  /** The moment so many minutes after its beginning, which is in the middle of the trading of every market; epoch ms. */
  minute(count: number): number;
  readonly symbols: readonly string[];
}

/** A spell of whole bars: what is streamed of the bars from one minute to before another, which is at their ends. */
export const bars = ({ minute }: Moments, from: number, to: number): Spell => ({
  from: minute(from + 1),
  to: minute(to + 1),
});

/** Minutes that are in doubt in the end, although all is well again. */
export const noneInDoubt = ({ named }: Report): readonly string[] =>
  named.length === 0 ? [] : [`${named.length} minutes are still in doubt: ${named.slice(0, 3).join("; ")}`];
