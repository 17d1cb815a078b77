/**
 * Decides how the journal handles the next frame.
 *
 * @module
 */

/**
 * States of a journal:
 *
 * - `memory`: the frame goes straight into the pipeline. Only in mode `overflow`, while nothing lies on disk, the
 *   circuit is closed, and memory has room.
 * - `spooling`: the frame joins the group that is synced next. A synced group continues into the pipeline from memory
 *   if there is room, as nothing older lies on disk.
 * - `draining`: the frame joins a group too, and waits on disk behind the frames that are read back from there.
 * - `holding`: the frame stays with its source, which can wait or has to.
 */
export type JournalState = "memory" | "spooling" | "draining" | "holding";

/** Facts that determine the state; counts are of records. */
export interface JournalFacts {
  readonly mode: "overflow" | "durable";
  /** Whether the sources can be held back. */
  readonly sourcesCanWait: boolean;
  readonly isCircuitClosed: boolean;
  /** Records that may wait in memory in front of the pipeline. */
  readonly capacity: number;
  /** Records waiting in memory in front of the pipeline. */
  readonly ready: number;
  /** Records in the next group, and in the group being synced. */
  readonly gathered: number;
  readonly syncing: number;
  /** Whether either group has frames. */
  readonly isGroupIdle: boolean;
  /** Entries on disk that have not been read back. */
  readonly unread: number;
}

/** The state that follows from the facts. */
export function stateOf(facts: JournalFacts): JournalState {
  const { mode, sourcesCanWait, isCircuitClosed, capacity, ready, gathered, syncing, isGroupIdle, unread } = facts;
  if (gathered >= capacity) return "holding";
  const isDiskIdle = isGroupIdle && unread === 0;
  if (mode === "overflow" && isCircuitClosed && isDiskIdle && ready < capacity) return "memory";
  // With a closed circuit memory is free again soon: the disk is for outages, and for sources that cannot wait.
  const holds = mode === "overflow" || unread > 0 || ready + syncing + gathered >= 2 * capacity;
  if (sourcesCanWait && isCircuitClosed && holds) return "holding";
  return unread > 0 ? "draining" : "spooling";
}

/**
 * Whether a synced group continues into the pipeline from memory. Sources that can wait are blocked early enough that
 * their groups always do while the circuit is closed.
 */
export function goesOnFromMemory({ capacity, ready, sourcesCanWait, isCircuitClosed }: JournalFacts): boolean {
  return ready <= capacity || sourcesCanWait && isCircuitClosed;
}
