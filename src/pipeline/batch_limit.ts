/**
 * Limits the records that a lane writes at once if the sink is too slow for whole batches.
 *
 * A batch that takes longer than a write may take would fail the same way for ever. So after a write that ran out of
 * time, the lane writes half as many at once, and twice as many again once writes take less than a quarter of that
 * time. A temporary lock costs a few small writes, and a slow server gets batches that it can take.
 *
 * @module
 */

/** The limit of one lane. */
export interface WriteLimit {
  /** Most records of a write. */
  readonly most: number;
  /** Reports a write of that many records that ran out of this time. */
  tooSlow(count: number, seconds: number): void;
  /** Reports a successful write. */
  written(count: number, seconds: number): void;
}

/** Share of the exceeded time below which twice as many records are tried. */
const QUICK = 1 / 4;

/** Creates a limit that allows any number. */
export function createWriteLimit(): WriteLimit {
  let most = Infinity;
  let allowedSeconds = Infinity;
  return {
    get most() {
      return most;
    },
    tooSlow(count, seconds) {
      most = Math.max(1, Math.ceil(count / 2));
      allowedSeconds = seconds;
    },
    written(count, seconds) {
      // A small rest of a batch says little about a full write.
      if (count >= most && seconds < allowedSeconds * QUICK) most *= 2;
    },
  };
}
