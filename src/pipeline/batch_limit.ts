/**
 * How many records a lane writes at once, where the sink is too slow for whole batches.
 *
 * A batch that takes longer than a write may take would take as long each time, for ever. So after a write for which
 * the time was too short, the lane writes half as many at once, and twice as many again as soon as writes take less than
 * a quarter of that time: a lock that was held for a while costs a few small writes, and a slow server is written to in
 * batches that it can take.
 *
 * @module
 */

/** The limit of one lane. */
export interface WriteLimit {
  /** Most records of a write. */
  readonly most: number;
  /** Notes a write of that many records for which this time was too short. */
  tooSlow(count: number, seconds: number): void;
  /** Notes a write that went well. */
  written(count: number, seconds: number): void;
}

/** Part of the time that was too short, below which twice as many records may be tried. */
const QUICK = 1 / 4;

/** Makes a limit that allows any number. */
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
