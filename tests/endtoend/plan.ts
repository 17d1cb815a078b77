/**
 * Which faults happen when.
 *
 * @module
 */
import type { Random } from "./random.ts";

/** A fault to come. */
export interface Fault {
  /** In epoch ms. */
  readonly at: number;
  /** A key of what the venue, or the run itself, can inflict. */
  readonly kind: string;
  /** How long it lasts, where it lasts, in milliseconds. */
  readonly lengthMs: number;
}

/** What to plan. */
export interface PlanOptions {
  random: Random;
  kinds: readonly string[];
  from: number;
  to: number;
}

/** Further faults, of any kind. */
const FURTHER = 6;

/** Plans each kind once, in any order, and some twice; one in each of as many equal parts of the time. */
export function planFaults({ random, kinds, from, to }: PlanOptions): Fault[] {
  const rest = Array.from({ length: FURTHER }, () => random.pick(kinds));
  const chosen = random.shuffle([...kinds, ...rest]);
  const partMs = (to - from) / chosen.length;
  return chosen.map((kind, at) => ({
    at: Math.round(from + (at + random.between(0, 1)) * partMs),
    kind,
    lengthMs: Math.round(random.between(20_000, 240_000)),
  }));
}
