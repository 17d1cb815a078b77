/**
 * Tracks the states of a log's entries.
 *
 * Entries are numbered in the order in which they were appended, and each is in one state:
 *
 * - **acked**: it no longer has to be kept;
 * - **in flight**: it was read, or taken at its appending, and is not acked yet;
 * - **unread**: it waits to be read.
 *
 * Unread entries are the newest. So two facts give the state of every entry: the newest number that was taken, and the
 * list of those in flight up to there.
 *
 * @module
 */

/** See the module's description. */
export interface Progress {
  /** Number of the oldest entry that is not acked: all earlier ones are. */
  readonly frontier: number;
  /** Number of the newest entry that is not unread. */
  readonly taken: number;
  /** Number of entries from the frontier to the newest taken one. */
  readonly inFlight: number;
  /** When the oldest of them was written, in epoch milliseconds. */
  readonly oldest: number | undefined;
  /** Unread → in flight, for an entry written at `time`. Returns the function that acks it. */
  take(number: number, time: number): () => void;
  /** Unread → acked, for all entries up to this number: they are lost, or given up. */
  skip(number: number): void;
}

/** Creates the progress of a log whose entries before `frontier` are acked; `onAck` is called for each further one. */
export function createProgress(frontier: number, onAck: () => void): Progress {
  const inFlight: { readonly number: number; readonly time: number; isAcked: boolean }[] = [];
  let taken = Math.max(0, frontier - 1);
  return {
    get frontier() {
      return inFlight[0]?.number ?? taken + 1;
    },
    get taken() {
      return taken;
    },
    get inFlight() {
      return inFlight.length;
    },
    get oldest() {
      return inFlight[0]?.time;
    },
    take(number, time) {
      const entry = { number, time, isAcked: false };
      inFlight.push(entry);
      taken = number;
      return () => {
        entry.isAcked = true;
        while (inFlight[0]?.isAcked) inFlight.shift();
        onAck();
      };
    },
    skip(number) {
      taken = Math.max(taken, number);
    },
  };
}
