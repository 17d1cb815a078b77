/**
 * Telling a table that refuses every record from records that are bad.
 *
 * A lane counts the records that were refused one after another for one cause. When they are nine tenths of a batch,
 * and of all that was written meanwhile, the cause lies in the table: a constraint or a column that somebody added. Half of
 * them may well be bad records.
 *
 * @module
 */

/** Refusals of one lane. */
export interface Refusals {
  /** Notes that a record of a batch of that size was refused; tells whether the cause lies in the table. */
  refused(cause: string | undefined, batchSize: number): boolean;
  /** Notes that so many records were stored. */
  stored(count: number): void;
}

/** Fewest refusals that say something about the table: a file may begin with some bad lines. */
const LEAST = 100;
/** The part of the records that must be refused. */
const MOST = 0.9;

/** Starts without any. */
export function createRefusals(): Refusals {
  let last: string | undefined;
  let refused = 0;
  let stored = 0;
  return {
    refused(cause, batchSize) {
      if (cause !== last) refused = stored = 0;
      last = cause;
      refused++;
      return cause !== undefined && refused >= Math.max(LEAST, batchSize * MOST) &&
        refused >= (refused + stored) * MOST;
    },
    stored(count) {
      stored += count;
    },
  };
}
