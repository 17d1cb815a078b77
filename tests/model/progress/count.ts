/**
 * Counts what goes on in this process.
 *
 * @module
 */

/** What goes on. */
export interface Count {
  /** Things that have happened. */
  activity: number;
  /** Requests, and connections being opened or closed. */
  pending: number;
  /** Messages of WebSockets that were sent and have not come. */
  messages: number;
  /** Bytes of other sockets that were sent and have not come. */
  bytes: number;
  touch(): void;
  began(): void;
  ended(): void;
}

/** Makes a count of nothing. */
export function createCount(): Count {
  const count: Count = {
    activity: 0,
    pending: 0,
    messages: 0,
    bytes: 0,
    touch: () => void count.activity++,
    began() {
      count.activity++;
      count.pending++;
    },
    ended() {
      count.activity++;
      count.pending--;
    },
  };
  return count;
}
