/** The faults that `barline chaos` tries by default. @module */

/** Names of all faults, in their order. */
export const FAULT_NAMES = [
  "none",
  "poison",
  "poison-storm",
  "passing-errors",
  "cut",
  "terminated",
  "locked",
  "slow",
  "poison-and-cut",
] as const;
/** Bars sent for each fault. */
export const DEFAULT_RECORDS = 10_000;
