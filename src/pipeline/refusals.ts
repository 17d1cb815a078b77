/**
 * Distinguishes a table that refuses good records from bad records.
 *
 * Some refusals have a cause outside of the program: a constraint, a column or a trigger that an operator added. A lane
 * counts consecutive refusals with one such cause. If they are most of a batch, and of all records written meanwhile,
 * the table is at fault. Half of the records may well be bad, so chance must not make a majority.
 *
 * @module
 */

/** Refusals of one lane. */
export interface Refusals {
  /**
   * Counts a refused record of a batch of that size. Returns whether the table is at fault. `cause` is the constraint
   * or trigger at fault, `undefined` if the record itself is.
   */
  refused(cause: string | undefined, batchSize: number): boolean;
  /** Reports that so many records were stored. */
  stored(count: number): void;
  /** Starts the count again. */
  reset(): void;
}

/** Fewest refusals that suggest a fault of the table: a file may begin with some bad lines. */
const LEAST = 100;
/** Share of the records that must be refused. */
const MOST = 0.55;
/** Margin for chance, in square roots of the number of records: three standard deviations if half of them are bad. */
const CHANCE = 1.5;

/** Starts without refusals. */
export function createRefusals(): Refusals {
  let last: string | undefined;
  let refused = 0;
  let stored = 0;
  const isMost = () => refused >= (refused + stored) * MOST + CHANCE * Math.sqrt(refused + stored);
  return {
    refused(cause, batchSize) {
      if (cause !== last) refused = stored = 0;
      last = cause;
      refused++;
      return cause !== undefined && refused >= Math.max(LEAST, batchSize * MOST) && isMost();
    },
    stored(count) {
      stored += count;
    },
    reset() {
      last = undefined;
    },
  };
}
