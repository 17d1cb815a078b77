/**
 * Checks that the records of a run still go to the destination that saved positions belong to.
 *
 * @module
 */
import { type Destination, findDifference, findLoss } from "../database/destination.ts";

/** The destination of the records. */
export interface PositionTarget {
  /** Reads the present destination; absent if it cannot be known. */
  readonly destination?: () => Promise<Destination>;
  /** Warns the operator. */
  readonly warn: (message: string) => void;
}

/** Watches the destination of a run. */
export interface DestinationWatch {
  /**
   * Reads the destination again: all records settled so far were committed before. Returns whether positions may still
   * be saved: if the destination has changed in mid-run, its rows may be lost.
   */
  confirm(): Promise<boolean>;
  /** The destination at the last look; `undefined` if it cannot be known, or has changed. */
  readonly current: Destination | undefined;
  /** Whether a position of this destination is valid here; warns if not. */
  accepts(saved: Destination | undefined, name: string): boolean;
}

/** Makes a watch. */
export function createDestinationWatch(target: PositionTarget | undefined): DestinationWatch {
  let destination: Destination | "changed" | undefined;

  const current = () => destination === "changed" ? undefined : destination;

  return {
    async confirm() {
      if (target?.destination === undefined || destination === "changed") return destination !== "changed";
      const known = destination;
      // An unreachable destination counts as unchanged.
      const now = await target.destination().catch(() => known);
      const difference = known && now && findDifference(known, now);
      if (difference !== undefined) {
        target.warn(`Records go to ${difference}: what was read before may be missing there, run again with --resume`);
      }
      // A load undone in the meantime may have stored records that were read before.
      destination = difference === undefined ? now && { ...now, undone: (known ?? now).undone } : "changed";
      return difference === undefined;
    },
    get current() {
      return current();
    },
    accepts(saved, name) {
      if (target?.destination === undefined || saved === undefined) return true;
      const now = current();
      const difference = now === undefined ? "a database that does not say which it is" : findLoss(saved, now);
      if (difference !== undefined) {
        target.warn(`Records go to ${difference}: what was read as "${name}" is read again`);
      }
      return difference === undefined;
    },
  };
}
